using System.Globalization;
using System.Text;

namespace Docket.Model;

/// <summary>
/// Every message on the wire, one function for each entry of the reference. Literal texts are HubSpot's, double spaces included.
/// If HubSpot's text is unknown, the choice is marked [decide], as in the reference.
/// </summary>
internal static partial class Faults
{
    const string Validation = "VALIDATION_ERROR", NotFoundCategory = "OBJECT_NOT_FOUND", ScopesPage = "https://developers.hubspot.com/scopes";

    const string InputClass = "com.hubspot.inbounddb.publicobject.core.v2.SimplePublicObjectBatchInput$Json";

    /// <summary>Longest part of a refused value in an answer, in characters.</summary>
    const int ValueShown = 200;

    /// <summary>Longest list of options in an answer, in characters.</summary>
    const int ListShown = 4_000;

    // ---- requests: reference/objects-and-batch.md 1.5, 3.4

    /// <summary>3.4: HubSpot's prefix, followed by our parser's message.</summary>
    public static Error MalformedJson(long line, long column, string words) =>
        new(400, $"Invalid input JSON on line {line}, column {column}: {words}");

    /// <summary>3.4, third form.</summary>
    public static Error RequiredFieldsMissing(long line, long column, string fields) =>
        new(400, $"Invalid input JSON on line {line}, column {column}. Some required fields were not set: [{fields}]", Validation);

    /// <summary>3.4 [decide].</summary>
    public static Error NoBody() => MalformedJson(1, 0, "a request body was expected, but none found");

    /// <summary>One of two lists would be lost silently.</summary>
    public const string InputsTwice = "inputs is specified twice";

    /// <summary>A text with an unpaired surrogate, which UTF-8 can't represent.</summary>
    public const string LoneSurrogate = "Incomplete surrogate pair in a text";

    /// <summary>Docket's own wording.</summary>
    public static Error WideText() => MalformedJson(1, 1, "the body is UTF-16 or UTF-32. Send it as UTF-8");

    /// <summary>Docket's own wording.</summary>
    public static Error NotUtf8(string charset) => new(415, $"Unsupported Media Type: charset {Shorten(charset)}. Send the body as UTF-8");

    /// <summary>reference/properties-pipelines-search-associations.md 1.4; HubSpot's class is that of 3.4, second form.</summary>
    public static Error PropertyNamesInvalid(long line, long column, IEnumerable<string> names) =>
        new(400, $"Invalid input JSON on line {line}, column {column}: Cannot construct instance of `{InputClass}`, problem: Names for properties should be lowercase and have less than 100 characters. Invalid names: [{Listed(names.Select(Shorten))}]", Validation);

    /// <summary>Docket's own wording, for an unknown member in one of Docket's own bodies.</summary>
    public static Error UnknownMember(long line, long column, string name, IEnumerable<string> known) =>
        new(400, $"Invalid input JSON on line {line}, column {column}: Unknown member {Shorten(name)}. Known members: {string.Join(", ", known)}", Validation);

    public static Error TooManyInputs(int max) =>
        new(400, $"The maximum number of inputs supported in a batch is {max}. Please reduce the number of items and try again", Validation);

    /// <summary>4.8.</summary>
    public static Error TooManyInputsWithHistory(int max) =>
        new(400, $"The maximum number of inputs supported in a batch request for property histories is {max}. Please reduce the number of items and try again", Validation);

    /// <summary>1.5 [decide].</summary>
    public static Error NoInputs() => new(400, "Batch input provided should have at least one object.", Validation);

    public static Error DuplicateIds(IReadOnlyList<string> ids) =>
        new(400, $"Duplicate IDs found in batch input: [{string.Join(", ", ids)}]. IDs must be unique", Validation)
        {
            Context = [("ids", [.. ids])],
        };

    /// <summary>1.2.</summary>
    public static Error NonUniqueIdProperty(ObjectType type, string property, long portalId) =>
        new(400, $"Unable to perform update/upsert by non-unique {type.Id} property {property} in portal ID {portalId}", Validation);

    public static Error UnknownObjectType(string spelling) =>
        spelling.Length > 0 && char.IsAsciiDigit(spelling[0]) && spelling.Contains('-', StringComparison.Ordinal)
            ? new(400, $"Invalid object or event type id: {spelling}")
            : new(400, $"Unable to infer object type from: {spelling}");

    /// <summary>2.4.</summary>
    public static Error NothingToUpdate() =>
        new(400, "No properties found to update, please provide at least one.", Validation) { Context = [("properties", ["{}"])] };

    public static Error ResourceNotFound() => new(404, "resource not found");

    /// <summary>reference/properties-pipelines-search-associations.md 6 [decide].</summary>
    public static Error OwnerNotFound() => ResourceNotFound() with { Category = NotFoundCategory };

    /// <summary>3.4, two spaces.</summary>
    public static Error IdNotNumeric(string id) =>
        new(404, "Object not found.  objectId are usually numeric.", NotFoundCategory) { Context = [("id", [id])] };

    /// <summary>4.11 [decide]; <c>context</c> contains the missing id.</summary>
    public static Error MergeNotFound(string id) => ResourceNotFound() with { Context = [("id", [id])] };

    /// <summary>4.11 [decide].</summary>
    public static Error MergeWithItself(long id) =>
        new(400, $"Object {id} cannot be merged with itself.", Validation) { Context = [("id", [id.ToString()])] };

    /// <summary>4.11.</summary>
    public static Error TooManyMerged(int max) => new(400, $"Cannot have more than {max} identities on a profile", Validation);

    /// <summary>Docket's own wording: HubSpot has no such endpoint (4.5).</summary>
    public static Error NotArchived(long id) =>
        new(400, $"Object {id} is not archived, so there is nothing to restore.", Validation) { Context = [("id", [id.ToString()])] };

    /// <summary>4.6 [decide].</summary>
    public static Error LimitTooHigh(int max) => new(400, $"The maximum value for limit is {max}", Validation);

    /// <summary>8, 17 [decide].</summary>
    public static Error LimitTooLow() => new(400, "The minimum value for limit is 1", Validation);

    /// <summary>HubSpot's message for a path parameter (reference/auth-limits-webhooks-imports.md 1.9), used for a query parameter.</summary>
    public static Error BadParameter(string name) => new(400, $"Unable to parse value for query parameter: {name}", Validation);

    /// <summary>Like <see cref="BadParameter"/>, for a member of the body.</summary>
    public static Error BadBodyParameter(string name) => new(400, $"Unable to parse value for body parameter: {name}", Validation);

    /// <summary>Like <see cref="BadParameter"/>, for a header.</summary>
    public static Error BadHeader(string name) => new(400, $"Unable to parse value for header: {name}", Validation);

    /// <summary>Docket's own wording: HubSpot has no <c>asOf</c>.</summary>
    public static Error ObjectIdOfPage() => new(400, "objectId is not supported for event streams, which contain the changes of all objects", Validation);

    /// <summary>Docket's own wording.</summary>
    public static Error AsOfOfOne() => new(400, "asOf is only supported when reading one object", Validation);

    /// <summary>Docket's own headers.</summary>
    public static Error BadFeature(string header, string value) => new(400, $"Invalid value \"{Shorten(value)}\" for header {header}: use true or false", Validation);

    public static Error UnknownFeature(string header, IEnumerable<string> headers) =>
        new(400, $"Unknown header {Shorten(header)}. Known headers: {string.Join(", ", headers)}", Validation);

    public static Error NoDryRun() => new(400, "Docket-Dry-Run is not supported here. The request was not executed", Validation);

    /// <summary>Docket's own settings, apps and users: one sentence for each error.</summary>
    /// <exception cref="Refusal">There are errors.</exception>
    public static void RefuseIf(IReadOnlyList<string> mistakes)
    {
        if (mistakes.Count > 0)
        {
            throw new Refusal(new(400, mistakes[0], Validation) { Errors = mistakes.Count > 1 ? [.. mistakes.Select(mistake => new ErrorDetail(mistake))] : [] });
        }
    }

    public static Error UserExists(string email) => new(409, $"A user with the address \"{Shorten(email)}\" already exists.", "OBJECT_ALREADY_EXISTS");

    public static Error MethodNotAllowed(string method, string allow) =>
        new(405, $"Method {method} is not allowed here. Allowed: {allow}") { Headers = [("Allow", allow)] };

    public static Error UnsupportedMediaType() => new(415, "Unsupported Media Type");

    public static Error UnsupportedEncoding(string encoding, IReadOnlyList<string> known) =>
        new(415, $"Unsupported Content-Encoding {Shorten(encoding)}: use one of {string.Join(", ", known)}, or none") { Headers = [("Accept-Encoding", string.Join(", ", known))] };

    public static Error BrokenEncoding() => Unwritten(400, "The request body doesn't match its Content-Encoding, or is incomplete", "") with { Category = Validation };

    /// <summary>reference/auth-limits-webhooks-imports.md 1.9, Docket's own wording.</summary>
    public static Error TooManyBodies() =>
        Unserved("The server is out of memory for request bodies", "; try again.", state: null, retryAfter: 1);

    public static Error BodyTooLarge(long maxBytes) => new(413, $"Request body is larger than {maxBytes} bytes", Validation);

    public static Error BodyTooSlow() => Unwritten(408, "The request body arrived too slowly", "") with { Category = Validation };

    public static Error BadRequest(int status, string message) => new(status, message, Validation);

    // ---- access: reference/auth-limits-webhooks-imports.md 1.6, 1.7

    public static Error NoCredentials() =>
        new(401, "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview", "INVALID_AUTHENTICATION")
        {
            Headers = [("X-HubSpot-Auth-Failure", "401 Unauthorized")],
        };

    /// <summary>The duration in the largest whole unit.</summary>
    public static Error TokenExpired(long expiredAt, long now) =>
        new(401, $"The OAuth token used to make this call expired {Elapsed((now - expiredAt) / 1000)} ago.", "EXPIRED_AUTHENTICATION")
        {
            Context = [("expire time", [Instant.ToText(expiredAt)])],
            Headers = [("X-HubSpot-Auth-Failure", "401 Unauthorized")],
        };

    public static Error MissingScopes(ScopeNeed need) => need.InShort
        ? new(403, "One or more of the following scopes are required.", "MISSING_SCOPES") { Context = [("requiredGranularScopes", need.Named), ("links", [ScopesPage])] }
        : new(403, $"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: {ScopesPage}.", "MISSING_SCOPES")
        {
            Errors = [new("One or more of the following scopes are required.") { Context = [("requiredGranularScopes", need.Named)] }],
            Links = [("scopes", ScopesPage)],
        };

    // ---- the server: statuses of reference/auth-limits-webhooks-imports.md 1.9, Docket's own wording

    public static Error Internal() => new(500, "internal error");

    public static Error DiskFull(string file) =>
        Unserved($"The disk that holds {file} is full", "; free some space and send it again.", "full") with { Status = 507 };

    public static Error FileLocked(string file) => Unserved($"{file} is locked by another program", "; try again.", "locked", retryAfter: 1);

    // A failing disk can look like damage to SQLite.
    public static Error FileDamaged(string file) => Unserved($"{file} is damaged, or its disk is failing", SeeLog, "damaged");

    /// <summary>The file was deleted, renamed or replaced while the server runs: new writes to it would be lost.</summary>
    public static Error FileMissing(string file) => Unserved($"{file} was removed or replaced while the server was running", SeeLog, "missing");

    public static Error DiskFailing(string file) => Unserved($"The disk that holds {file} reports an error", SeeLog, "failing", retryAfter: 5);

    public static Error DiskReadOnly(string file) => Unserved($"The disk that holds {file} is read-only", SeeLog, "read-only");

    public static Error FileUnopened(string file) => Unserved($"{file} can't be opened now", "; try again.", "failing", retryAfter: 1);

    /// <summary>The record is deleted, but its space on disk is not overwritten yet.</summary>
    public static Error TracesLeft(string file, TracesReason reason)
    {
        var why = reason switch
        {
            TracesReason.Read => "another program is reading it",
            TracesReason.NoSpace => "there is no space to rewrite it",
            TracesReason.Behind => "it is behind, and they will be removed when it gets there",
            _ => "it could not be rewritten, see the server's log",
        };
        return new(503, $"The object is deleted, but traces of it remain in {file}: {why}. Send the request again to remove them.") { Reason = ErrorReason.Server, Headers = [("Retry-After", "5")] };
    }

    /// <summary>A client of the feed is ahead of the history, because another history replaced it, such as that of a backup.</summary>
    public static Error BeyondHistory(long after, long newest) =>
        new(410, $"Change {after} does not exist; the newest is {newest}. The history was replaced, for example by an older backup. Read everything again.");

    /// <summary>A portal's file can't be opened.</summary>
    /// <param name="portalId">The portal.</param>
    /// <param name="state">The reason, in the word that <c>/readyz</c> uses.</param>
    public static Error PortalUnserved(long portalId, string state)
    {
        var why = state switch
        {
            "unreachable" => "its database can't be reached",
            "missing" => "its file is missing",
            "damaged" => "its file is damaged",
            "foreign" => "its file belongs to another portal",
            "newer" => "its file was written by a newer Docket",
            "locked" => "its file is locked by another program",
            _ => "its file can't be opened",
        };
        return Unserved($"Portal {portalId} can't be served: {why}", "; the server's log says what to do.", state, retryAfter: state is "locked" or "unreachable" ? 1 : null);
    }

    public static Error DatabaseUnreachable(string database) => Unserved($"The database {database} can't be reached", "; try again.", "unreachable", retryAfter: 1);

    public static Error DatabaseBusy(string database) => Unserved($"The database {database} is busy", "; try again.", "locked", retryAfter: 1);

    public static Error DatabaseReadOnly(string database) => Unserved($"The database {database} is read-only", "; try again when a primary is available.", "read-only", retryAfter: 1);

    public static Error DatabaseFull(string database) => Unserved($"The disk of the database {database} is full", "; free some space and send it again.", "full") with { Status = 507 };

    /// <summary>The connection was lost during a commit, and the database couldn't be asked afterwards.</summary>
    public static Error OutcomeUnknown(string database) => new(503, $"It is not known whether this was written, because the connection to {database} was lost during the commit. Read the objects before you send it again.")
    {
        Reason = ErrorReason.Server,
        State = "unreachable",
        Headers = [("Retry-After", "5")],
    };

    public static Error ShuttingDown() => Unserved("The server is shutting down", "; try again.", "stopping", retryAfter: 1);

    const string SeeLog = "; see the server's log.";

    // Retry-After in seconds.
    static Error Unserved(string what, string cure, string? state, int? retryAfter = null) => Unwritten(503, what, cure) with
    {
        Reason = ErrorReason.Server,
        State = state,
        Headers = retryAfter is { } seconds ? [("Retry-After", seconds.ToString(CultureInfo.InvariantCulture))] : [],
    };

    static Error Unwritten(int status, string what, string cure) => new(status, $"{what}. Nothing was written{cure}") { What = what };

    // ---- values: reference/objects-and-batch.md 2.2

    public static Fault UnknownProperty(int index, string sent, string? near = null)
    {
        var name = Shorten(sent);
        return Invalid(index, "PROPERTY_DOESNT_EXIST", $"Property \"{name}\" does not exist", name, null) with { Near = near };
    }

    public static Fault ReadOnly(int index, Property property, ReadOnlySpan<byte> value) =>
        Invalid(index, "READ_ONLY_VALUE", $"\"{property.Name}\" is a {(property.Calculated ? "calculated" : "read only")} property; its value cannot be set.", property.Name, Text(value));

    public static Fault NotAnOption(int index, Property property, ReadOnlySpan<byte> value, IEnumerable<string> options) =>
        Invalid(index, "INVALID_OPTION", $"{Text(value)} was not one of the allowed options: [{Listed(options)}]", property.Name, Text(value));

    public static Fault NotAStage(int index, Schema schema, ReadOnlySpan<byte> value)
    {
        var valid = schema.Pipelines.Select(pipeline => $"pipelineId={pipeline.Id} : [{string.Join(", ", pipeline.Stages.Select(stage => stage.Id))}]");
        return Invalid(index, "INVALID_OPTION", $"{Text(value)} is not a valid pipeline stage ID. Valid options are: {Listed(valid)}", schema.Stages!.Stage.Name, Text(value));
    }

    /// <summary>For values given by label, which HubSpot doesn't support.</summary>
    public static Fault LabelOfSeveral(int index, Property property, ReadOnlySpan<byte> value, IEnumerable<(string Pipeline, string Stage)> stages)
    {
        var valid = stages.Select(stage => $"pipelineId={stage.Pipeline} : [{stage.Stage}]");
        return Invalid(index, "INVALID_OPTION", $"{Text(value)} is the label of several stages: {Listed(valid)}. Specify the pipeline too, or the id of the stage.", property.Name, Text(value));
    }

    public static Fault LabelOfSeveralOptions(int index, Property property, string label, List<string> values) => Invalid(
        index, "INVALID_OPTION", $"{label} is the label of several options: [{string.Join(", ", values)}]. Specify the option's value.", property.Name, label);

    /// <summary>2.2 [decide].</summary>
    public static Fault NotANumber(int index, Property property, ReadOnlySpan<byte> value) =>
        Invalid(index, "INVALID_INTEGER", $"{Text(value)} was not a valid number.", property.Name, Text(value));

    /// <summary>reference/objects-other-than-tickets.md 6; Docket's own wording.</summary>
    public static Fault Negative(int index, Property property, ReadOnlySpan<byte> value) =>
        Invalid(index, "INVALID_INTEGER", $"{Text(value)} is negative, which {property.Name} can't be.", property.Name, Text(value));

    public static Fault NotAnOwner(int index, Property property, ReadOnlySpan<byte> value) =>
        Invalid(index, "INVALID_INTEGER", $"{Text(value)} was not a valid integer (for owner ID).", property.Name, Text(value));

    /// <summary>As seen on a live portal; see docs/internals/decisions.md, Owners.</summary>
    public static Fault UnknownOwner(int index, Property property, ReadOnlySpan<byte> value) =>
        Invalid(index, "INVALID_OWNER_ID", $"{Text(value)} was not a valid owner ID", property.Name, Text(value));

    public static Fault NotAMoment(int index, Property property, ReadOnlySpan<byte> value) =>
        Invalid(index, "INVALID_LONG", $"{Text(value)} was not a valid long.", property.Name, Text(value));

    /// <summary>2.2 [decide].</summary>
    public static Fault NotADate(int index, Property property, ReadOnlySpan<byte> value) =>
        Invalid(index, "INVALID_DATE", $"{Text(value)} was not a valid date.", property.Name, Text(value));

    /// <summary>Hour, minute, second and millisecond unpadded.</summary>
    public static Fault NotMidnight(int index, Property property, ReadOnlySpan<byte> value, TimeSpan timeOfDay) =>
        Invalid(index, "INVALID_DATE", $"{Text(value)} is at {timeOfDay.Hours}:{timeOfDay.Minutes}:{timeOfDay.Seconds}.{timeOfDay.Milliseconds} UTC, not midnight!", property.Name, Text(value));

    /// <summary>reference/objects-other-than-tickets.md 2.1.</summary>
    public static Fault InvalidEmail(int index, Property property, string address) =>
        Invalid(index, "INVALID_EMAIL", $"Email address {Shorten(address)} is invalid", property.Name, Shorten(address));

    /// <summary>HubSpot's text for a merge (<see cref="TooManyMerged"/>).</summary>
    public static Fault TooManyEmails(int index, Property property, int max) =>
        Invalid(index, "PROPERTY_VALUE_TOO_LONG", TooManyMerged(max).Message, property.Name, null);

    /// <summary>8, 15 [decide].</summary>
    public static Fault TooLong(int index, Property property, int max) =>
        Invalid(index, "PROPERTY_VALUE_TOO_LONG", $"The value of property \"{property.Name}\" is longer than {max} characters", property.Name, null);

    /// <summary>1.3 [decide].</summary>
    public static Fault EmptyId(int index, string? idProperty) =>
        Invalid(index, "INVALID_ID", "The id of an input cannot be empty.", idProperty ?? "id", "");

    /// <summary>2.4.</summary>
    public static Fault RequiredMissing(int index, ObjectType type, string property) =>
        new(index, FaultKind.RequiredMissing, $"Error creating {type.LegacyName}. Some required properties were not set.", Property: property);

    /// <summary>2.5; on a create, the id after <c>on</c> is the one that the record would have had.</summary>
    public static Fault UniqueTaken(int index, ObjectType type, long portalId, Property property, ReadOnlySpan<byte> value, long id, long existing) =>
        new(index, FaultKind.UniqueTaken,
            $"Cannot set PropertyValueCoordinates{{portalId={portalId}, objectTypeId=ObjectTypeId{{{type.InMessages}}}, propertyName={property.Name}, value={Text(value)}}} on {id}. {existing} already has that value.",
            Property: property.Name, Value: Text(value), Record: id, Existing: existing);

    /// <summary>reference/objects-other-than-tickets.md 2.2: <see cref="WithHolder"/> adds the id of the record, which is <c>null</c> if it isn't written yet.</summary>
    public static Fault AlreadyExists(int index, ObjectType type, Property property, ReadOnlySpan<byte> value, long? existing) =>
        new(index, FaultKind.Exists, $"{char.ToUpperInvariant(type.Singular[0])}{type.Singular[1..]} already exists", Property: property.Name, Value: Text(value), Existing: existing);

    /// <summary>The message of a fault, with the record that has the value. Clients read the number (2.2).</summary>
    public static string WithHolder(Fault fault) => fault is { Kind: FaultKind.Exists, Existing: { } id } ? $"{fault.Message}. Existing ID: {id}" : fault.Message;

    /// <summary>4.8, 4.9: one message for all missing records of a batch.</summary>
    public static string SomeNotFound(ObjectType type) =>
        $"Could not get some {type.LegacyName} objects, they may be deleted or not exist. Check that ids are valid.";

    public static Fault NotFound(int index, ObjectType type, ReadOnlySpan<byte> id) =>
        new(index, FaultKind.NotFound, SomeNotFound(type), Property: Encoding.UTF8.GetString(id));

    // ---- properties: reference/properties-pipelines-search-associations.md 1

    /// <summary>1.5.</summary>
    public static Error PropertyExists(string name) =>
        new(409, $"A property named '{name}' already exists.", "OBJECT_ALREADY_EXISTS", "Properties.PROPERTY_WITH_NAME_EXISTS");

    /// <summary>1.7 [decide].</summary>
    public static Error PropertyNotFound(string name) => new(404, $"Property \"{name}\" does not exist", NotFoundCategory);

    // ---- pipelines: reference/properties-pipelines-search-associations.md 3

    /// <summary>3.6; the two context values are single texts with a bracketed list.</summary>
    public static Error StagesInUse(IEnumerable<string> stages, IEnumerable<long> records)
    {
        var (stageList, recordList) = ($"[{string.Join(", ", stages)}]", $"[{string.Join(", ", records)}]");
        return new(400, $"Stage IDs: {stageList} are being referenced by object IDs: {recordList}", Validation, "PipelineError.STAGE_ID_IN_USE")
        {
            Context = [("stageIds", [stageList]), ("objectIds", [recordList])],
        };
    }

    static Fault Invalid(int index, string code, string message, string property, string? value) =>
        new(index, FaultKind.InvalidValue, message, code, property, value);

    static string Text(ReadOnlySpan<byte> value) => Shorten(Encoding.UTF8.GetString(value));

    // A portal can have thousands of options or stages, and a batch thousands of faults that list them.
    static string Listed(IEnumerable<string> options)
    {
        var text = new StringBuilder();
        foreach (var option in options)
        {
            if (text.Length > ListShown)
            {
                return text.Append(", …").ToString();
            }

            text.Append(text.Length == 0 ? "" : ", ").Append(option);
        }

        return text.ToString();
    }

    static string Elapsed(long seconds) =>
        seconds < 60 ? $"{seconds} second(s)" : seconds < 3600 ? $"{seconds / 60} minute(s)" : seconds < 86_400 ? $"{seconds / 3600} hour(s)" : $"{seconds / 86_400} day(s)";

    public static string Shorten(string text) => text.Length <= ValueShown ? text : text[..(char.IsHighSurrogate(text[ValueShown - 1]) ? ValueShown - 1 : ValueShown)] + "…";
}
