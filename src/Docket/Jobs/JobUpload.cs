using System.IO.Pipelines;
using System.Security.Cryptography;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Docket.Stores;
using Docket.Writes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Docket.Jobs;

/// <summary>
/// Reads a batch that is to be processed later: its inputs are written to disk as they arrive, a chunk at a time, and the sender
/// waits for each chunk. A JSON batch is processed when it is complete; NDJSON is processed at once.
/// </summary>
internal sealed class JobUpload
{
    /// <summary>Most inputs of a JSON batch.</summary>
    public const int JsonInputsMax = 100_000;

    /// <summary>Largest JSON batch, in bytes.</summary>
    public const long JsonBytesMax = 1024L * 1024 * 1024;

    /// <summary>Most memory of an upload, in bytes: a chunk, and the next input.</summary>
    const int BytesHeld = 3 * InputChunk.InputMax;

    /// <summary>How much of a compressed body is decoded at once: about a hundred inputs, so that chunks are full before they are stored.</summary>
    const int DecodedAtOnce = 256 * 1024;

    /// <summary>Bytes of one JSON input after which it is parsed again only when twice as much has arrived.</summary>
    const int RestSmall = 64 * 1024;

    readonly JobRunner runner;
    readonly HttpContext http;
    readonly Call call;
    readonly bool isLines;
    readonly InputChunk chunk = new();
    readonly NdjsonCheck ndjson = new();
    Job job;

    public JobUpload(JobRunner runner, HttpContext http, WriteKind kind)
    {
        this.runner = runner;
        this.http = http;
        call = http.Call();
        isLines = IsLines(http.Request.ContentType);
        job = new(0, isLines ? JobStatus.Pending : JobStatus.Receiving, Open: true, Whole: false, kind, call.Type.Id, call.Caller.Source, call.StartedAt) { Features = call.Features & (OptionalFeatures.Labels | OptionalFeatures.RowOutcomes | OptionalFeatures.DryRun) };
    }

    /// <summary>Reads the request and answers it.</summary>
    /// <exception cref="Refusal">The body is missing, too large or not a batch: a JSON batch is removed; NDJSON inputs already received stay.</exception>
    public async Task AcceptAsync()
    {
        FeatureHeaders.Confirm(http.Response, job.Features);
        if (!isLines && !RequestBody.IsJson(http.Request.ContentType))
        {
            throw new Refusal(Faults.UnsupportedMediaType());
        }

        RequestBody.RefuseOtherCharset(http.Request.ContentType);

        var budget = http.Features.GetRequiredFeature<BodyBudget>();
        if (!budget.TryTake(BytesHeld))
        {
            throw new Refusal(Faults.TooManyBodies());
        }

        try
        {
            await TakeInAsync();
        }
        finally
        {
            budget.Give(BytesHeld);
        }
    }

    async Task TakeInAsync()
    {
        await using var once = await IdempotentRequest.HoldAsync(http);
        using var hash = once is null ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        LiftLimits();
        if (once is { IsKnown: true })
        {
            await HashBodyAsync(http, hash!);
            once.Identify(http, hash!.GetHashAndReset());
            await once.RespondAsync(http);
            return;
        }

        try
        {
            await ReadAsync(hash);
            if (job.Inputs + chunk.Count == 0)
            {
                throw new Refusal(Faults.NoInputs());
            }

            // A JSON batch that is small enough for an immediate answer is all or nothing, like an immediate batch.
            // Except if rows are decided separately, or keys may occur twice: then inputs are applied in order.
            job = job with
            {
                Whole = !isLines && job.Inputs + chunk.Count <= Validation.InputsMax && (call.Features & (OptionalFeatures.RowOutcomes | OptionalFeatures.FoldDuplicates)) == OptionalFeatures.None,
            };
            once?.Identify(http, hash!.GetHashAndReset());
            await TakeAsync(last: true, once?.KeepJob(accepted => JobResponse.ToStored(http, accepted)));
        }
        catch (Exception failure)
        {
            if (job.Id != 0)
            {
                await runner.GiveUpAsync(call.Store, call.Caller.PortalId, job);
            }

            throw failure switch
            {
                _ when (IncomingBodies.SendersFault(http, failure) ?? (failure as Refusal)?.Error) is { } error => new Refusal(isLines && job.Inputs > 0 ? Faults.AfterLines(error, job.Inputs, job.Id) : error),
                _ => failure,
            };
        }

        runner.Work(call.Store, call.Caller.PortalId, job);
        await (once?.RespondAsync(http) ?? JobResponse.AcceptAsync(http, job));
    }

    async Task ReadAsync(IncrementalHash? hash)
    {
        InputReader inputs = isLines ? new LineReader() : new JsonInputReader();
        var body = http.Features.Get<DecodedBody>() is null ? http.Request.BodyReader : PipeReader.Create(http.Request.Body, new(bufferSize: DecodedAtOnce, leaveOpen: true));
        var (least, taken) = (isLines ? NdjsonCheck.BytesMin : 1, 0L);
        while (true)
        {
            ReadResult read;
            if (!isLines || chunk.Count == 0 || !ndjson.IsPassed)
            {
                read = await body.ReadAtLeastAsync(least, http.RequestAborted);
            }
            else if (!body.TryRead(out read))
            {
                // No more data is waiting: process the lines received so far.
                await StoreAsync();
                read = await body.ReadAsync(http.RequestAborted);
            }

            var rest = read.Buffer;
            try
            {
                if (isLines)
                {
                    ndjson.Begin(rest);
                }

                while (inputs.TryTake(ref rest, read.IsCompleted, chunk))
                {
                    if (isLines)
                    {
                        ndjson.See(chunk);
                    }

                    if (!isLines && job.Inputs + chunk.Count > JsonInputsMax)
                    {
                        throw new Refusal(Faults.TooManyInputs(JsonInputsMax));
                    }

                    if (chunk.IsFull)
                    {
                        await StoreAsync();
                    }
                }

                foreach (var piece in hash is null ? default : read.Buffer.Slice(0, rest.Start))
                {
                    hash!.AppendData(piece.Span);
                }

                taken += read.Buffer.Slice(0, rest.Start).Length;
                if (!isLines && taken + rest.Length > JsonBytesMax) // the Content-Length of a compressed body is its compressed length
                {
                    throw new Refusal(Faults.BodyTooLarge(JsonBytesMax));
                }

                least = isLines || rest.Length < RestSmall ? 1 : (int)Math.Min(2 * rest.Length, JsonInputReader.RestMax + 1);
            }
            finally
            {
                body.AdvanceTo(rest.Start, rest.End); // also if the body is refused, so that the connection stays usable
            }

            if (read.IsCompleted)
            {
                inputs.End();
                return;
            }
        }
    }

    async Task StoreAsync()
    {
        await TakeAsync(last: false, null);
        chunk.Clear();
        if (isLines)
        {
            runner.Work(call.Store, call.Caller.PortalId, job);
        }
    }

    async Task TakeAsync(bool last, (AnswerKey, Func<Job, StoredAnswer>)? answer)
    {
        job = await call.Store.Jobs.TakeAsync(job, chunk.Lines, chunk.Count, last, answer, numbered: isLines);
        if (job.Status == JobStatus.Canceled)
        {
            throw new Refusal(Faults.UploadCanceled(job.Id));
        }
    }

    static async Task HashBodyAsync(HttpContext http, IncrementalHash hash)
    {
        while (true)
        {
            var read = await ReadMoreAsync(http);
            foreach (var piece in read.Buffer)
            {
                hash.AppendData(piece.Span);
            }

            http.Request.BodyReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    static async Task<ReadResult> ReadMoreAsync(HttpContext http)
    {
        try
        {
            return await http.Request.BodyReader.ReadAsync(http.RequestAborted);
        }
        catch (Exception failure) when (IncomingBodies.SendersFault(http, failure) is { } error)
        {
            throw new Refusal(error);
        }
    }

    // NDJSON has no registered media type; these are in use.
    static bool IsLines(string? contentType) => contentType?.Split(';')[0].Trim().ToLowerInvariant()
        is "application/x-ndjson" or "application/ndjson" or "application/jsonl" or "application/jsonlines" or "application/x-jsonlines";

    // NDJSON may be sent at any rate and for any length of time.
    void LiftLimits()
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = isLines ? null : JsonBytesMax;
        }

        if (isLines && http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }
    }
}
