using System.Threading.Channels;

namespace Docket.Jobs;

/// <summary>A job that this process is processing.</summary>
internal sealed class RunningJob
{
    readonly Lock gate = new();

    /// <summary>Signals new inputs or a cancellation.</summary>
    public Channel<bool> News { get; } = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Completes when the job has ended or the server stops.</summary>
    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Task { get; private set; } = Task.CompletedTask;

    bool begun;

    /// <summary>Begins once.</summary>
    public void Begin(Func<Task> run)
    {
        lock (gate)
        {
            if (!begun)
            {
                begun = true;
                Task = run();
            }
        }
    }
}
