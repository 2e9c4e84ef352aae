using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.Options;

namespace Docket.Http;

/// <summary>Leaves short answers as they are: they fit into one packet either way.</summary>
internal sealed class AnswerCompression(IServiceProvider services, IOptions<ResponseCompressionOptions> options) : ResponseCompressionProvider(services, options)
{
    /// <summary>Shortest answer that is compressed, in bytes.</summary>
    const int BytesMin = 1_024;

    /// <summary>
    /// JSON only, so no stream of events is held back. No page either: what a page has in its forms must not be guessed from its length (BREACH).
    /// </summary>
    public static void Configure(ResponseCompressionOptions options) => (options.EnableForHttps, options.MimeTypes) = (true, ["application/json", "application/x-ndjson"]);

    public override bool ShouldCompressResponse(HttpContext context) => context.Response.ContentLength is not < BytesMin && base.ShouldCompressResponse(context);
}
