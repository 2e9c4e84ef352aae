using System.Security.Cryptography;
using System.Text;
using Docket.Tests.Stores;

namespace Docket.Tests;

/// <summary>
/// The engine of the servers that tests start: SQLite, or PostgreSQL if <c>DOCKET_TEST_ENGINE</c> is <c>postgres</c>. There, each data
/// directory has a schema in the server of the test run, which contains what otherwise the directory does. Tests that look into
/// files have the trait <c>Engine=SQLite</c>. With <c>ephemeral</c>, servers that no test starts again keep nothing.
/// </summary>
internal static class TestEngine
{
    public static bool IsPostgres { get; } = Environment.GetEnvironmentVariable("DOCKET_TEST_ENGINE") == "postgres";

    public static bool IsEphemeral { get; } = Environment.GetEnvironmentVariable("DOCKET_TEST_ENGINE") == "ephemeral";

    /// <summary>The store of a data directory; <c>null</c> for the directory itself.</summary>
    public static async ValueTask<string?> StoreOfAsync(string directory) => IsPostgres ? (await SchemaOfAsync(directory)).ConnectionString : null;

    public static async ValueTask<DataPlace> PlaceOfAsync(string directory) => new(directory, await StoreOfAsync(directory));

    /// <summary>Deletes a data directory and its schema.</summary>
    public static async ValueTask DeleteAsync(string directory)
    {
        Directory.Delete(directory, recursive: true);
        if (IsPostgres)
        {
            await (await SchemaOfAsync(directory)).DisposeAsync();
        }
    }

    static Task<PostgresSchema> SchemaOfAsync(string directory) => PostgresSchema.ChooseAsync(name: $"data_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(directory)))[..32]}");
}
