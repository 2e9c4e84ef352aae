using Microsoft.AspNetCore.Identity;

namespace Docket.Access;

/// <summary>Passwords of users, kept as the framework's hasher makes them (PBKDF2 with a salt).</summary>
internal static class Passwords
{
    public const int LengthMin = 10, LengthMax = 200;

    /// <summary>What is wrong with a password, or <c>null</c>.</summary>
    public static string? Mistake(string password) =>
        password.Length is < LengthMin or > LengthMax ? $"A password has {LengthMin} to {LengthMax} characters." : null;

    public static string Hash(string password) => new PasswordHasher<object>().HashPassword(password, password);

    /// <summary>Whether a password is the one of a hash. Takes some tens of milliseconds of processor time on purpose.</summary>
    public static bool Matches(string hash, string password) => new PasswordHasher<object>().VerifyHashedPassword(password, hash, password) != PasswordVerificationResult.Failed;
}
