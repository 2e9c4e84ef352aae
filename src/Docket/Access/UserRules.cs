using System.Net.Mail;
using Docket.Model;

namespace Docket.Access;

/// <summary>What a user may be. Each mistake is one sentence.</summary>
internal static class UserRules
{
    public const int NameMax = 200, EmailMax = 254;

    /// <summary>The mistakes in what is given of a user; what is <c>null</c> isn't given.</summary>
    public static List<string> Mistakes(UserChange user, string? password)
    {
        var mistakes = new List<string>();
        if (user.Email is { } email && (email.Length > EmailMax || !MailAddress.TryCreate(email, out var parsed) || parsed.Address != email))
        {
            mistakes.Add($"\"{email}\" is not an email address.");
        }

        if (user.FirstName?.Length > NameMax || user.LastName?.Length > NameMax)
        {
            mistakes.Add($"A name has at most {NameMax} characters.");
        }

        if (password is not null && Passwords.Mistake(password) is { } mistake)
        {
            mistakes.Add(mistake);
        }

        return mistakes;
    }
}
