namespace Docket.Stores;

/// <summary>The content of a backup.</summary>
/// <param name="Docket">Version of the Docket that created it.</param>
/// <param name="CreatedAt">When it was complete.</param>
/// <param name="Files">Its files, the registry first.</param>
internal sealed record BackupContent(string Docket, string CreatedAt, IReadOnlyList<BackupFile> Files);

/// <summary>A file of a backup.</summary>
/// <param name="Name">Its name, as in the data directory.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">The hash of the whole file.</param>
/// <param name="Rows">The number of rows of each table.</param>
internal sealed record BackupFile(string Name, long Bytes, string Sha256, IReadOnlyDictionary<string, long> Rows);
