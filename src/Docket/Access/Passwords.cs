using System.Security.Cryptography;
using System.Text;
using Docket.Model;
using Docket.Stores;

namespace Docket.Access;

/// <summary>
/// Passwords of users, stored in the format of the framework's hasher (PBKDF2 with a salt, its version 3). All users with one address
/// share a salt, so that one hash is enough to check all of them (docs/internals/decisions.md, OAuth).
/// </summary>
internal static class Passwords
{
    public const int LengthMin = 10, LengthMax = 200;

    const int Iterations = 100_000, SaltBytes = 16, KeyBytes = 32;

    /// <summary>The bytes before the salt: the version, then HMAC-SHA512, the iterations and the length of the salt as big-endian numbers.</summary>
    static ReadOnlySpan<byte> Head => [1, 0, 0, 0, 2, 0, 1, 0x86, 0xA0, 0, 0, 0, SaltBytes];

    /// <summary>What is wrong with a password, or <c>null</c>.</summary>
    public static string? Mistake(string password) =>
        password.Length is < LengthMin or > LengthMax ? $"A password has {LengthMin} to {LengthMax} characters." : null;

    /// <summary>Sets a user's password, with the salt of other users who have the same address.</summary>
    public static async Task<bool> SetAsync(IUsers users, User user, string password, CancellationToken cancellation)
    {
        var others = (await users.FindSignInsAsync(user.Email, cancellation)).Where(one => one.User.Id != user.Id);
        var salt = others.Select(one => SaltOf(one.PasswordHash)).FirstOrDefault() ?? NewSalt();
        return await users.SetPasswordAsync(user.PortalId, user.Id, Hash(password, salt));
    }

    /// <summary>The stored form of a password. Takes some tens of milliseconds of processor time on purpose.</summary>
    public static string Hash(string password, string salt)
    {
        var saltBytes = Convert.FromBase64String(salt);
        // As bytes: invalid Unicode can be a password too, as with the framework's hasher.
        var key = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password), saltBytes, Iterations, HashAlgorithmName.SHA512, KeyBytes);
        return Convert.ToBase64String([.. Head, .. saltBytes, .. key]);
    }

    public static string NewSalt() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(SaltBytes));

    /// <summary>The salt in a result of <see cref="Hash"/>.</summary>
    public static string SaltOf(string hash) => Convert.ToBase64String(Convert.FromBase64String(hash).AsSpan(Head.Length, SaltBytes));

    /// <summary>Whether two results of <see cref="Hash"/> are equal.</summary>
    public static bool Same(string hash, string other) => CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(hash), Encoding.ASCII.GetBytes(other));
}
