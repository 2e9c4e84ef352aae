using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Docket.Model;
using Microsoft.Extensions.Configuration;

namespace Docket.Tests;

/// <summary>HTTPS with Kestrel's own settings, and the messages for wrong ones.</summary>
public sealed class TlsTests : IDisposable
{
    const string Password = "pass-word", Setting = "Certificates:Default:", Variable = "Kestrel__Certificates__Default__", Tickets = "/crm/v3/objects/tickets";

    readonly string directory = Directory.CreateTempSubdirectory("docket-tls-").FullName;
    readonly X509Certificate2 certificate;

    public TlsTests()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=docket.test", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        File.WriteAllBytes(InDirectory("both.pfx"), certificate.ExportPkcs12(Pkcs12ExportPbeParameters.Default, Password));
        File.WriteAllText(InDirectory("certificate.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(InDirectory("key.pem"), key.ExportPkcs8PrivateKeyPem());
        using var another = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(InDirectory("another-key.pem"), another.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(InDirectory("nonsense.pem"), "nonsense");
    }

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("Path=both.pfx", "Password=" + Password)]
    [InlineData("Path=certificate.pem", "KeyPath=key.pem")]
    public async Task A_server_with_a_certificate_speaks_HTTPS(params string[] settings)
    {
        var environment = settings.Select(setting => setting.Split('=')).ToDictionary(setting => Variable + setting[0], setting => setting[0].EndsWith("Path", StringComparison.Ordinal) ? InDirectory(setting[1]) : setting[1]);
        await using var server = await ServerProcess.ServeAsync(InDirectory("data"), [], "https://127.0.0.1:0", environment);
        Assert.StartsWith("https://127.0.0.1:", server.Url, StringComparison.Ordinal);
        foreach (var version in (Version[])[HttpVersion.Version11, HttpVersion.Version20])
        {
            using var handler = new SocketsHttpHandler();
            handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown is X509Certificate2 found && found.Thumbprint == certificate.Thumbprint;
            using var http = new HttpClient(handler) { BaseAddress = new Uri(server.Url), DefaultRequestVersion = version, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
            http.DefaultRequestHeaders.Authorization = new("Bearer", TestServer.Token);
            using var response = await http.PostAsync(Tickets + "/batch/upsert", new StringContent("""{"inputs":[{"idProperty":"hs_external_object_ids","id":"A","properties":{"subject":"a","hs_pipeline_stage":"1"}}]}""", Encoding.UTF8, "application/json"), Cancellation);
            Assert.Equal(version, response.Version);
            (await Answer.OfAsync(response)).Expect(200);

            // Links lead where the request came from; an id with a slash in it is read from the path as it was sent.
            using var list = await http.GetAsync(Tickets + "/a%2Fb?idProperty=hs_external_object_ids", Cancellation);
            (await Answer.OfAsync(list)).Expect(404);
        }
    }

    [Theory]
    [InlineData("there is no certificate")]
    [InlineData("the certificate can't be used", "Path=missing.pfx")]
    [InlineData("the certificate can't be used", "Path=nonsense.pem")]
    [InlineData("the certificate can't be used", "Path=both.pfx")]
    [InlineData("the certificate can't be used", "Path=both.pfx", "Password=wrong")]
    [InlineData("the certificate can't be used", "Path=certificate.pem")]
    [InlineData("the certificate can't be used", "Path=certificate.pem", "KeyPath=missing.pem")]
    [InlineData("the certificate can't be used", "Path=certificate.pem", "KeyPath=another-key.pem")]
    [InlineData("the certificate can't be used", "Path=certificate.pem", "KeyPath=nonsense.pem")]
    public async Task A_certificate_that_can_not_be_used_is_reported_in_one_line(string expected, params string[] settings)
    {
        var values = settings.Select(setting => setting.Split('=')).ToDictionary(setting => Setting + setting[0], setting => (string?)(setting[0].EndsWith("Path", StringComparison.Ordinal) ? InDirectory(setting[1]) : setting[1]));
        var options = new DocketOptions
        {
            DataDirectory = InDirectory("data"),
            Urls = "https://127.0.0.1:0",
            Kestrel = new ConfigurationBuilder().AddInMemoryCollection(values).Build(),
        };
        var mistake = await Assert.ThrowsAsync<OperatorMistake>(async () =>
        {
            await using var server = await DocketServer.StartAsync(options, Cancellation);
        });
        Assert.StartsWith("Cannot listen on https://127.0.0.1:0: " + expected, mistake.Message, StringComparison.Ordinal);
        Assert.EndsWith("Set Kestrel__Certificates__Default__Path, and …__KeyPath or …__Password.", mistake.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', mistake.Message);
        Assert.DoesNotContain("wrong", mistake.Message, StringComparison.Ordinal);

        // The directory is free again.
        await using var again = await TestServer.StartAsync(InDirectory("data"));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task The_command_reports_it_too()
    {
        var (exit, output, errors) = await ServerProcess.RunAsync(["serve", "--data", InDirectory("data"), "--urls", "https://127.0.0.1:0"], (Variable + "Path", InDirectory("missing.pfx")));
        Assert.Equal((1, ""), (exit, output));
        Assert.StartsWith("docket: Cannot listen on https://127.0.0.1:0: the certificate can't be used (", errors, StringComparison.Ordinal);
        Assert.Equal(errors.Length - 1, errors.IndexOf('\n'));
    }

    public void Dispose()
    {
        certificate.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    string InDirectory(string name) => Path.Combine(directory, name);
}
