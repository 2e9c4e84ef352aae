using Docket.Http;
using Docket.Model;

namespace Docket.Schemas;

/// <summary>Who edits a schema, and when.</summary>
/// <param name="Type">The object type whose schema it is.</param>
/// <param name="Now">Milliseconds since 1970.</param>
/// <param name="UserId">As in <c>createdUserId</c>: the app behind the token, whatever user let it in.</param>
internal sealed record Edit(ObjectType Type, long Now, string UserId);

/// <summary>What an edit leads to: the new content, and what the write is answered with.</summary>
internal readonly record struct Edited<T>(SchemaContent Content, T Answer);

/// <summary>Carries out a rule of this room on the schema a call is about.</summary>
internal static class EditExtensions
{
    /// <summary>Applies <paramref name="rule"/> and gives its answer once the change is on disk.</summary>
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

    /// <summary>Applies a rule that has nothing to answer.</summary>
    public static Task EditAsync(this Call call, Func<SchemaContent, Edit, SchemaContent> rule, bool keepUsedStages = false) =>
        call.EditAsync((content, edit) => new Edited<SchemaContent>(rule(content, edit), content), keepUsedStages);
}
