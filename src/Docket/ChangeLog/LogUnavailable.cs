namespace Docket.ChangeLog;

/// <summary>A portal's changes can't be read now, but probably later: what follows them keeps what it has.</summary>
internal sealed class LogUnavailable(string message, Exception cause) : Exception(message, cause);
