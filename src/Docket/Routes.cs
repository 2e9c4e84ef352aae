using Docket.Access;
using Docket.Account;
using Docket.Admin;
using Docket.Associations;
using Docket.Changes;
using Docket.Http;
using Docket.Jobs;
using Docket.Limits;
using Docket.Model.Types;
using Docket.OAuth;
using Docket.Objects;
using Docket.Owners;
using Docket.Schemas;
using Docket.Search;
using Docket.Stores;
using Docket.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Docket;

/// <summary>All routes.</summary>
internal static class Routes
{
    public static void Map(WebApplication app, DocketOptions options, IPortals portals, JobRunner jobs, RateLimiter limiter, TestedPortals? tested, ILogger logger)
    {
        var stopping = app.Lifetime.ApplicationStopping;
        var all = app.MapGroup("").AnswersHead().WithoutTrailingSlashes();
        foreach (var version in ApiVersion.All)
        {
            var routes = all.MapGroup("").WithMetadata(version);
            ObjectRoutes.Map(routes, version.Prefix("objects") + "/{objectType}", (http, kind) => new JobUpload(jobs, http, kind).AcceptAsync());
            SearchRoutes.Map(routes.MapGroup("").WithMetadata(new CountsAsSearch()), version.Prefix("objects") + "/{objectType}");
            PropertyRoutes.Map(routes, version.Prefix("properties") + "/{objectType}");
            PipelineRoutes.Map(routes, version.Prefix("pipelines") + "/{objectType}");
            TypeRoutes.Map(routes, $"/crm-object-schemas/{version.Name}/schemas");
            AccountRoutes.Map(routes, $"/account-info/{version.Name}", limiter);
            OwnerRoutes.Map(routes, version.Prefix("owners"));
            LifeRoutes.MapGdprDelete(routes, version.Prefix("objects") + "/{objectType}");
            OlderRoutes.MapRecords(routes, version.Prefix("objects") + "/{objectType}");
            if (version != ApiVersion.V3)
            {
                AssociationRoutes.MapRecords(routes, version.Prefix("objects") + "/{objectType}");
                AssociationRoutes.MapBatches(routes, version.Prefix("associations"));
            }
        }

        var old = all.MapGroup("").WithMetadata(ApiVersion.V3);
        ObjectRoutes.MapReads(old, "/crm/v4/objects/{objectType}"); // some clients read tickets here; the rest of v4 is about associations
        AssociationRoutes.MapRecords(old, "/crm/v4/objects/{objectType}");
        AssociationRoutes.MapBatches(old, "/crm/v4/associations");
        LabelRoutes.Map(old, "/crm/associations/v4");
        LimitRoutes.Map(old, "/crm/associations/v4");
        OlderRoutes.Map(old);
        TypeRoutes.Map(old, "/crm/v3/schemas");
        AccountRoutes.MapDaily(old, "/account-info/v3", limiter);
        DispositionRoutes.Map(old, "/calling/v1/dispositions", Activities.Calls);
        AccountRoutes.MapMe(old, "/integrations/v1/me");
        Legacy.RecordRoutes.Map(old, "/crm-objects/v1/objects/{objectType}");
        Legacy.SchemaRoutes.Map(old);
        Legacy.ListRoutes.Map(old, "/crm/v3/lists/search");
        PortalUserRoutes.Map(old, "/settings/v3/users");
        Legacy.AssociationRoutes.Map(old, "/crm-associations/v1/associations");
        Legacy.CompanyRoutes.Map(old, "/companies/v2");
        Legacy.DealRoutes.Map(old, "/deals/v1");
        Legacy.OwnerRoutes.Map(old, "/owners/v2/owners");
        Legacy.ContactRoutes.Map(old, "/contacts/v1");
        Legacy.ListRoutes.MapOlder(old, "/contacts/v1/lists");
        Legacy.EngagementRoutes.Map(old, "/engagements/v1/engagements");

        LifeRoutes.Map(all, "/docket/v1/objects/{objectType}");
        LifeRoutes.MapGdprDelete(all, "/docket/v1/objects/{objectType}");
        ChangeRoutes.Map(all, "/docket/v1/changes", stopping);
        TimelineRoutes.Map(all, "/docket/v1/objects/{objectType}");
        JobRoutes.Map(all, jobs);
        SettingsRoutes.Map(all, "/docket/v1/settings", portals);
        AppRoutes.Map(all, "/docket/v1/apps", portals.Apps);
        RefusalRoutes.Map(all, "/docket/v1/apps", portals, limiter);
        UserRoutes.Map(all, "/docket/v1/users", portals.Users);
        if (tested is not null)
        {
            async Task ForgetAsync(long portalId)
            {
                await limiter.ForgetAsync(portalId);
                tested.Remove(portalId);
            }

            async Task RestoreAsync(long portalId)
            {
                await ForgetAsync(portalId);
                await jobs.ContinueAsync(portalId);
            }

            KitGroup.Map(all, portals, new(limiter.SaveAsync, ForgetAsync, RestoreAsync), tested);
        }

        var (signIn, pages) = (new SignIn(portals.Users, portals.Sessions, options.Clock, logger), new Pages(options.Name));
        app.Lifetime.ApplicationStopped.Register(signIn.Dispose);
        AuthorizeRoutes.Map(all, portals, signIn, pages);
        AllowedRoutes.Map(all, portals, signIn, pages);
        TokenRoutes.Map(all, portals);
        HealthRoutes.Map(all, portals, stopping);
        FrontPage.Map(all);
        OpenApi.Map(all, "/docket/v1/openapi.json");
        ScalarPage.Map(all, "/docket/v1");
    }
}
