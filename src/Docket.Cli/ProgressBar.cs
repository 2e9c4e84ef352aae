namespace Docket.Cli;

/// <summary>Shows the progress of long work at a terminal; otherwise nothing.</summary>
internal static class ProgressBar
{
    const int Width = 40;

    /// <summary>Runs work that reports its progress. The bar is removed afterwards, also if the work fails.</summary>
    public static T During<T>(Func<Action<string, double>, T> work)
    {
        try
        {
            return work(Show);
        }
        finally
        {
            Clear();
        }
    }

    /// <summary>Like <see cref="During{T}(Func{Action{string, double}, T})"/>.</summary>
    public static async Task<T> During<T>(Func<Action<string, double>, Task<T>> work)
    {
        try
        {
            return await work(Show);
        }
        finally
        {
            Clear();
        }
    }

    static void Show(string what, double done)
    {
        if (!Console.IsOutputRedirected)
        {
            var filled = (int)(done * Width);
            Console.Write($"\r{what} [{new string('#', filled)}{new string('.', Width - filled)}] {done,4:P0}");
        }
    }

    static void Clear()
    {
        if (!Console.IsOutputRedirected)
        {
            Console.Write("\r\u001b[K");
        }
    }
}
