namespace Docket.Stores;

/// <summary>What a backup holds.</summary>
/// <param name="Docket">Version of the Docket that made it.</param>
/// <param name="CreatedAt">When it was complete.</param>
/// <param name="Files">Its files, the registry first.</param>
internal sealed record BackupContent(string Docket, string CreatedAt, IReadOnlyList<BackupFile> Files);

/// <summary>A file of a backup.</summary>
/// <param name="Name">Its name, as in the data directory.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">The hash of all of it.</param>
/// <param name="Rows">How many rows each table has.</param>
internal sealed record BackupFile(string Name, long Bytes, string Sha256, IReadOnlyDictionary<string, long> Rows);
