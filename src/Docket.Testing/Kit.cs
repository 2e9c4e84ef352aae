using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Docket.Testing;

/// <summary>Calls the test kit's paths with the token of a client.</summary>
internal sealed class Kit(HttpClient client)
{
    static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <exception cref="TestDocketException">It was refused.</exception>
    public async Task<T> CallAsync<T>(HttpMethod method, string path, object? body, CancellationToken cancellation)
    {
        using var answer = await AnswerAsync(method, path, body, cancellation);
        return (await answer.Content.ReadFromJsonAsync<T>(Json, cancellation))!;
    }

    /// <exception cref="TestDocketException">It was refused.</exception>
    public async Task SendAsync(HttpMethod method, string path, object? body, CancellationToken cancellation)
    {
        using var answer = await AnswerAsync(method, path, body, cancellation);
    }

    async Task<HttpResponseMessage> AnswerAsync(HttpMethod method, string path, object? body, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body, options: Json) };
        var answer = await client.SendAsync(request, cancellation);
        if (!answer.IsSuccessStatusCode)
        {
            using (answer)
            {
                throw new TestDocketException((await answer.Content.ReadFromJsonAsync<Refused>(Json, cancellation))!.ToText());
            }
        }

        return answer;
    }

    sealed record Refused(string Message, List<Detail>? Errors)
    {
        public string ToText() => string.Join("\n  ", (Errors ?? []).Select(error => error.Message).Prepend(Message));
    }

    sealed record Detail(string Message);
}

/// <summary>The answer of a list.</summary>
internal sealed record Page<T>(List<T> Results);
