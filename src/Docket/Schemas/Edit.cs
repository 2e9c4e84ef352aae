using Docket.Http;
using Docket.Model;

namespace Docket.Schemas;

/// <summary>The caller and time of an edit of a schema.</summary>
/// <param name="Type">The object type of the schema.</param>
/// <param name="Now">Milliseconds since 1970.</param>
/// <param name="UserId">As in <c>createdUserId</c>: the app of the token, whichever user allowed it.</param>
internal sealed record Edit(ObjectType Type, long Now, string UserId);

/// <summary>The result of an edit: the new content, and the answer to the request.</summary>
internal readonly record struct Edited<T>(SchemaContent Content, T Answer);

/// <summary>Applies a rule of this room to the schema of a call.</summary>
internal static class EditExtensions
{
    /// <summary>Applies <paramref name="rule"/> and returns its answer once the change is on disk.</summary>
    public static async Task<T> EditAsync<T>(this Call call, Func<SchemaContent, Edit, Edited<T>> rule, bool keepUsedStages = false)
    {
        var edit = new Edit(call.Type, call.StartedAt, call.Caller.Source.Id);
        var answer = default(T);
        await call.Store.ChangeSchemaAsync(
            call.Type,
            content =>
            {
                (var next, answer) = rule(content, edit);
                return next;
            },
            keepUsedStages);
        return answer!;
    }

    /// <summary>Applies a rule without an answer.</summary>
    public static Task EditAsync(this Call call, Func<SchemaContent, Edit, SchemaContent> rule, bool keepUsedStages = false) =>
        call.EditAsync((content, edit) => new Edited<SchemaContent>(rule(content, edit), content), keepUsedStages);
}
