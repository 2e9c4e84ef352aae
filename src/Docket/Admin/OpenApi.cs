using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Watch;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace Docket.Admin;

/// <summary>
/// The OpenAPI document of Docket's own paths: the descriptions in <see cref="Described"/>, and what all routes share. It contains no
/// data, so it needs no token.
/// </summary>
internal static class OpenApi
{
    const string Name = "v1", Token = "token", Refused = "Refused";

    /// <summary>The resource with the finished document, in programs that were compiled to native code: making it needs reflection.</summary>
    const string Embedded = "Docket.OpenApi.json";

    /// <summary>The OpenAPI version of HubSpot's own files, so that the same tools can read it.</summary>
    const OpenApiSpecVersion Version = OpenApiSpecVersion.OpenApi3_0;

    /// <param name="services">The services to add to.</param>
    /// <param name="type">The object type whose scopes the document lists.</param>
    public static void Configure(IServiceCollection services, ObjectType type)
    {
        if (!RuntimeFeature.IsDynamicCodeSupported)
        {
            return;
        }

        services.Configure<JsonOptions>(json => json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict); // otherwise each number could also be a string
        services.AddOpenApi(Name, options =>
        {
            options.OpenApiVersion = Version;
            options.ShouldInclude = route => route.HttpMethod != HttpMethods.Head && route.RelativePath!.StartsWith("docket/v1/", StringComparison.Ordinal);
            options.CreateSchemaReferenceId = NameOf;
            options.AddSchemaTransformer(Complete);
            options.AddOperationTransformer((operation, context, _) => Complete(operation, context, type));
            options.AddDocumentTransformer(CompleteAsync);
        });
    }

    public static void Map(IEndpointRouteBuilder routes, string path)
    {
        // Created on first use, and only once, because it is the same for all.
        var document = new Lazy<Task<byte[]>>(async () =>
        {
            if (!RuntimeFeature.IsDynamicCodeSupported)
            {
                using var embedded = typeof(OpenApi).Assembly.GetManifestResourceStream(Embedded) ?? throw new InvalidOperationException("This program was built without its OpenAPI document.");
                var content = new byte[embedded.Length];
                embedded.ReadExactly(content);
                return content;
            }

            var made = await routes.ServiceProvider.GetRequiredKeyedService<IOpenApiDocumentProvider>(Name).GetOpenApiDocumentAsync();
            return Encoding.UTF8.GetBytes(await made.SerializeAsJsonAsync(Version));
        });
        routes.MapGet(path, async http =>
        {
            var body = await document.Value;
            http.Response.Headers.CacheControl = "no-store";
            http.Response.ContentType = Wire.ContentType;
            http.Response.ContentLength = body.Length;
            await http.Response.Body.WriteAsync(body, http.RequestAborted);
        });
    }

    static string? NameOf(JsonTypeInfo type) =>
        (type.Type == typeof(SettingsAnswer) ? nameof(SettingsAnswer) : OpenApiOptions.CreateDefaultSchemaReferenceId(type))?.Replace("Answer", "", StringComparison.Ordinal);

    static Task Complete(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellation)
    {
        var (type, attributes) = (context.JsonTypeInfo, context.JsonPropertyInfo?.AttributeProvider);
        if (type.Type == typeof(SettingsAnswer))
        {
            schema.AdditionalProperties = null;
            schema.Properties = PortalSettings.All.ToDictionary(setting => setting.Name, IOpenApiSchema (setting) => new OpenApiSchema { Type = JsonSchemaType.String, Description = setting.Values });
        }
        else if (type.Type == typeof(TextsOrNull))
        {
            schema.AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.String | JsonSchemaType.Null };
        }
        else if (type.Properties.Any(property => property.IsExtensionData))
        {
            schema.AdditionalProperties = new OpenApiSchema();
        }

        if (attributes?.GetCustomAttributes(typeof(AllowedValuesAttribute), inherit: false) is [AllowedValuesAttribute allowed])
        {
            schema.Enum = [.. allowed.Values.Select(value => (JsonNode)(string)value!)];
        }

        if (attributes?.IsDefined(typeof(RequiredAttribute), inherit: false) is true)
        {
            schema.Type &= ~JsonSchemaType.Null;
        }

        return Task.CompletedTask;
    }

    static Task Complete(OpenApiOperation operation, OpenApiOperationTransformerContext context, ObjectType type)
    {
        var endpoint = context.Description.ActionDescriptor.EndpointMetadata;
        operation.OperationId = endpoint.OfType<OperationId>().Single().Value;
        operation.Tags = new HashSet<OpenApiTagReference> { new(context.Description.RelativePath!.Split('/')[2], context.Document) };
        if (endpoint.OfType<NeedsScope>().SingleOrDefault() is { } needs)
        {
            // The last of the sufficient scopes is the one that allows nothing else.
            operation.Description = $"Requires the scope {(needs.Right is { } right ? type.Scopes[right] : needs.Portal).AnyOf[^1]}.";
        }

        var success = (OpenApiResponse)operation.Responses!.Values.Single();
        success.Headers = Headers();
        foreach (var other in endpoint.OfType<OtherAnswer>())
        {
            success.Content![other.ContentType] = new OpenApiMediaType { Schema = new OpenApiSchemaReference(other.Schema, context.Document) };
        }

        operation.Responses["default"] = new OpenApiResponseReference(Refused, context.Document);
        return Task.CompletedTask;
    }

    static async Task CompleteAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellation)
    {
        document.Info = new() { Title = "Docket's own API", Version = Instruments.Version, Description = "Docket's additions to HubSpot's API." };
        document.Servers = [new() { Url = "/" }]; // wherever the document is
        document.Tags = document.Paths.Values.SelectMany(path => path.Operations!.Values).SelectMany(operation => operation.Tags!).Select(tag => tag.Name!).Distinct().Select(name => new OpenApiTag { Name = name }).ToHashSet();
        document.AddComponent(Token, new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "An app's token." });
        document.Security = [new() { [new OpenApiSecuritySchemeReference(Token, document)] = [] }];
        document.AddComponent("Error", await context.GetOrCreateSchemaAsync(typeof(ErrorAnswer), cancellationToken: cancellation));
        document.AddComponent(Refused, new OpenApiResponse
        {
            Description = "An error in HubSpot's format.",
            Headers = Headers(),
            Content = new Dictionary<string, OpenApiMediaType> { ["application/json"] = new() { Schema = new OpenApiSchemaReference("Error", document) } },
        });

        // Optional members are omitted rather than null.
        foreach (var schema in document.Components!.Schemas!.Values)
        {
            foreach (var (name, member) in schema.Properties?.ToList() ?? [])
            {
                if (schema.Required?.Contains(name) is not true && member is OpenApiSchema optional)
                {
                    optional.Type &= ~JsonSchemaType.Null;
                    schema.Properties![name] = optional.OneOf is [_, OpenApiSchemaReference set] ? set : optional;
                }
            }
        }
    }

    static Dictionary<string, IOpenApiHeader> Headers() =>
        new() { ["X-HubSpot-Correlation-Id"] = new OpenApiHeader { Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = "uuid" } } };
}
