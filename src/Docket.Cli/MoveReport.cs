using Docket.Stores.Moving;

namespace Docket.Cli;

/// <summary>Shows how far a move is and how fast: on one line of a terminal, else a line every few seconds.</summary>
internal sealed class MoveReport(TextWriter output, bool isTerminal, TimeProvider clock)
{
    static readonly TimeSpan Every = TimeSpan.FromSeconds(0.2), EveryLine = TimeSpan.FromSeconds(5);

    /// <summary>Fewer rows are not worth a line.</summary>
    const int ShownMin = 1_000;

    MoveProgress first, last;
    long began, shown;

    public void Show(MoveProgress now)
    {
        if (now.Work != last.Work)
        {
            End();
            (first, began, shown) = (now, clock.GetTimestamp(), clock.GetTimestamp());
        }

        last = now;
        if (clock.GetElapsedTime(shown) >= (isTerminal ? Every : EveryLine))
        {
            shown = clock.GetTimestamp();
            Write();
        }
    }

    /// <summary>Shows the last figures of the current work.</summary>
    public void End()
    {
        if (last.Work is not null && last.Done - first.Done >= ShownMin)
        {
            Write();
            output.Write(isTerminal ? "\n" : "");
        }

        last = default;
    }

    void Write()
    {
        var rate = (last.Done - first.Done) / Math.Max(0.001, clock.GetElapsedTime(began).TotalSeconds);
        var line = last.All is { } all ? $"{last.Work}: {last.Done:n0} of {all:n0}, {rate:n0}/s" : $"{last.Work}: {last.Done:n0}, {rate:n0}/s";
        output.Write(isTerminal ? $"\r{line}\u001b[K" : line + "\n");
    }
}
