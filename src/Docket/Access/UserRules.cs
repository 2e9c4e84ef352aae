using System.Net.Mail;
using Docket.Model;

namespace Docket.Access;

/// <summary>The rules for users. Each mistake is one sentence.</summary>
internal static class UserRules
{
    public const int NameMax = 200, EmailMax = 254;

    /// <summary>The mistakes in a new user or a change; <c>null</c> is not given.</summary>
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
