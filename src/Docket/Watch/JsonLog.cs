using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Docket.Watch;

/// <summary>
/// Writes the log as one flat JSON object per line, with the entry and the data of its request at the top level. The framework's
/// own formatter nests them, which makes them harder to search.
/// </summary>
internal sealed class JsonLog(TimeProvider clock) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "docket-json";

    static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public override void Write<TState>(in LogEntry<TState> entry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteString("timestamp", clock.GetUtcNow().UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ"));
            json.WriteString("level", entry.LogLevel.ToString());
            json.WriteString("category", entry.Category);
            json.WriteString("message", entry.Formatter(entry.State, entry.Exception));
            var written = new HashSet<string>(["timestamp", "level", "category", "message", "exception", "{OriginalFormat}"], StringComparer.Ordinal);
            WriteAll(json, entry.State, written);
            scopeProvider?.ForEachScope(static (scope, to) => WriteAll(to.json, scope, to.written), (json, written));
            if (entry.Exception is { } exception)
            {
                json.WriteString("exception", exception.ToString());
            }

            json.WriteEndObject();
        }

        textWriter.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    // If names repeat, the innermost scope wins.
    static void WriteAll(Utf8JsonWriter json, object? values, HashSet<string> written)
    {
        foreach (var (name, value) in values as IEnumerable<KeyValuePair<string, object?>> ?? [])
        {
            var key = JsonNamingPolicy.CamelCase.ConvertName(name);
            if (!written.Add(key))
            {
                continue;
            }

            switch (value)
            {
                case int number: json.WriteNumber(key, number); break;
                case long number: json.WriteNumber(key, number); break;
                case double number: json.WriteNumber(key, number); break;
                case bool flag: json.WriteBoolean(key, flag); break;
                default: json.WriteString(key, value?.ToString()); break;
            }
        }
    }
}
