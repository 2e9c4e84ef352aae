using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.Options;

namespace Docket.Http;

/// <summary>Skips small answers, which fit into one packet anyway.</summary>
internal sealed class AnswerCompression(IServiceProvider services, IOptions<ResponseCompressionOptions> options) : ResponseCompressionProvider(services, options)
{
    /// <summary>Smallest answer that is compressed, in bytes.</summary>
    const int BytesMin = 1_024;

    /// <summary>
    /// Only JSON is compressed: event streams would be delayed, and the length of a page must not reveal what is in its forms (BREACH).
    /// </summary>
    public static void Configure(ResponseCompressionOptions options) => (options.EnableForHttps, options.MimeTypes) = (true, ["application/json", "application/x-ndjson"]);

    public override bool ShouldCompressResponse(HttpContext context) => context.Response.ContentLength is not < BytesMin && base.ShouldCompressResponse(context);
}
