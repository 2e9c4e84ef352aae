using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Docket.Http;
using Microsoft.AspNetCore.Http;

namespace Docket.TestKit;

/// <summary>What faults do to answers before they are sent: rows that are lost, and rows of a batch that failed.</summary>
internal static class FaultedAnswer
{
    /// <summary>Changes an answer as the fault of its call says.</summary>
    public static void Change(HttpContext http, ObservedCall observed, MemoryStream answer)
    {
        if (observed.Fault?.Answer is not { } fault || (fault.DropRows is null && fault.Lag is null && observed.FailedRows.IsEmpty)
            || http.Response.StatusCode is < 200 or >= 300 || Parse(answer) is not { } whole || whole["results"] is not JsonArray results)
        {
            return;
        }

        var before = results.Count;
        foreach (var row in (fault.DropRows ?? []).Distinct().OrderDescending().Where(row => row < results.Count))
        {
            results.RemoveAt(row);
        }

        if (fault.Lag is { } ms)
        {
            // Records that were written a moment ago are not in HubSpot's index yet.
            var since = http.Call().Now - ms;
            results.RemoveAll(row => row?["updatedAt"]?.GetValue<string>() is { } text && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out var at) && at.ToUnixTimeMilliseconds() > since);
        }

        if (whole["total"] is { } total && results.Count < before)
        {
            whole["total"] = total.GetValue<int>() - (before - results.Count);
        }

        if (!observed.FailedRows.IsEmpty)
        {
            AddErrors(whole, observed);
            http.Response.StatusCode = StatusCodes.Status207MultiStatus;
        }

        answer.SetLength(0);
        using (var json = new Utf8JsonWriter(answer, Wire.WriterOptions))
        {
            whole.WriteTo(json);
        }

        if (http.Response.ContentLength is not null)
        {
            http.Response.ContentLength = answer.Length;
        }
    }

    static void AddErrors(JsonObject whole, ObservedCall observed)
    {
        var errors = whole["errors"] as JsonArray ?? [];
        foreach (var index in errors.Select(error => error?["context"]?["index"] as JsonArray).OfType<JsonArray>())
        {
            for (var i = 0; i < index.Count; i++)
            {
                // The endpoint numbered the rows that were left.
                var sent = int.Parse(index[i]!.GetValue<string>(), CultureInfo.InvariantCulture);
                foreach (var (failed, _) in observed.FailedRows)
                {
                    sent += failed <= sent ? 1 : 0;
                }

                index[i] = sent.ToString(CultureInfo.InvariantCulture);
            }
        }

        foreach (var (_, error) in observed.FailedRows)
        {
            errors.Add(JsonNode.Parse(Wire.ToBytes(error, BatchEnvelope.WriteError)));
        }

        whole.Remove("numErrors");
        whole.Remove("errors");
        whole.Insert(whole.IndexOf("results") + 1, "numErrors", errors.Count);
        whole.Insert(whole.IndexOf("results") + 2, "errors", errors);
    }

    static JsonObject? Parse(MemoryStream answer)
    {
        try
        {
            return JsonNode.Parse(answer.GetBuffer().AsSpan(0, (int)answer.Length)) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
