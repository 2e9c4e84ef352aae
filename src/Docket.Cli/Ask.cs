using Docket.Model;
namespace Docket.Cli;

/// <summary>Questions at the terminal.</summary>
internal static class Ask
{
    /// <summary>Reads a password: twice from a terminal, once from redirected standard input.</summary>
    /// <remarks>Never an argument: other users can see those, and they stay in the shell's history.</remarks>
    /// <exception cref="OperatorMistake">The two are different.</exception>
    public static string Password()
    {
        if (Console.IsInputRedirected)
        {
            return Console.In.ReadLine() ?? "";
        }

        var password = ReadHidden("Password: ");
        return ReadHidden("Repeat the password: ") == password ? password : throw new OperatorMistake("The passwords don't match. Nothing was changed.");
    }

    /// <summary>Asks to confirm an irreversible action by typing <paramref name="word"/>.</summary>
    /// <exception cref="OperatorMistake">It was not confirmed.</exception>
    public static void ToConfirm(string warning, string word)
    {
        if (Console.IsInputRedirected)
        {
            throw new OperatorMistake($"{warning} Use --yes to confirm.");
        }

        Console.Write($"{warning}\nType {word} to continue: ");
        if (Console.ReadLine()?.Trim() != word)
        {
            throw new OperatorMistake("Nothing was changed.");
        }
    }

    static string ReadHidden(string question)
    {
        Console.Write(question);
        var text = new System.Text.StringBuilder();
        while (Console.ReadKey(intercept: true) is var key && key.Key != ConsoleKey.Enter)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                text.Length = Math.Max(0, text.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar))
            {
                text.Append(key.KeyChar);
            }
        }

        Console.WriteLine();
        return text.ToString();
    }
}
