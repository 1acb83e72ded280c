using System.Diagnostics;
using System.Threading.Channels;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary>
/// One thread owns the model; others hand it photos and wait. Photos that wait at the same time are classified as one batch. It waits for more only while
/// requests are on their way, and no longer than <see cref="ServingOptions.MaxWait"/>, so that a single request is answered at once.
/// </summary>
sealed class PredictionQueue
{
    readonly ImageLearner learner;
    readonly ImageClassifier classifier;
    readonly ServingOptions options;
    readonly ServingMetrics metrics;
    readonly Channel<Job> jobs;
    readonly Thread worker;
    int arriving;

    public PredictionQueue(ImageLearner learner, ServingOptions options, ServingMetrics metrics)
    {
        (this.learner, this.options, this.metrics) = (learner, options, metrics);
        classifier = learner.ToClassifier();
        jobs = Channel.CreateBounded<Job>(new BoundedChannelOptions(4 * options.MaxBatch) { SingleReader = true });
        worker = new Thread(Work) { Name = "tessera model", IsBackground = true };
        worker.Start();
    }

    /// <summary>Says that a photo is on its way; the result, disposed, that it has come or never will.</summary>
    public Arrival Announce() => new(this);

    /// <summary>Classifies a photo that <see cref="ImageClassifier.Prepare"/> made.</summary>
    public Task<Prediction> Predict(float[] photo, CancellationToken cancellation = default) => Ask<Prediction>(answer => new PhotoJob(photo, answer), cancellation);

    /// <summary>Which places of a photo speak for a class.</summary>
    public Task<GradCam> Explain(Image photo, int classIndex, CancellationToken cancellation = default) => Ask<GradCam>(answer => new HeatMapJob(photo, classIndex, answer), cancellation);

    /// <summary>Answers what was accepted, then ends the thread.</summary>
    public void Finish()
    {
        jobs.Writer.TryComplete();
        worker.Join();
    }

    async Task<T> Ask<T>(Func<TaskCompletionSource<T>, Job> job, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        await jobs.Writer.WriteAsync(job(answer), cancellation);
        return await answer.Task;
    }

    void Work()
    {
        List<Job> batch = [];
        while (WaitFor(jobs.Reader.WaitToReadAsync(), Timeout.InfiniteTimeSpan))
        {
            Fill(batch);
            Answer([.. batch.OfType<PhotoJob>()]);
            foreach (var job in batch.OfType<HeatMapJob>()) Answer(job);
            batch.Clear();
        }
    }

    /// <summary>Takes what waits; then, while there is room, what comes in time.</summary>
    void Fill(List<Job> batch)
    {
        long began = Stopwatch.GetTimestamp();
        while (batch.Count < options.MaxBatch)
        {
            if (jobs.Reader.TryRead(out var job))
            {
                batch.Add(job);
                continue;
            }
            var left = options.MaxWait - Stopwatch.GetElapsedTime(began);
            if (Volatile.Read(ref arriving) == 0 || left <= TimeSpan.Zero || !WaitFor(jobs.Reader.WaitToReadAsync(), left)) return;
        }
    }

    /// <summary>False where nothing came in time or nothing will come any more.</summary>
    static bool WaitFor(ValueTask<bool> more, TimeSpan atMost)
    {
        var task = more.AsTask();
        return task.Wait(atMost) && task.Result;
    }

    void Answer(PhotoJob[] photos)
    {
        if (photos.Length == 0) return;
        try
        {
            var predictions = classifier.PredictPrepared([.. photos.Select(p => p.Photo)]);
            metrics.CountBatch(photos.Length);
            foreach (var (photo, prediction) in photos.Zip(predictions)) photo.Answer.SetResult(prediction);
        }
        catch (Exception e)
        {
            // The requests of this batch fail, those after it need not.
            foreach (var photo in photos) photo.Answer.TrySetException(e);
        }
    }

    void Answer(HeatMapJob job)
    {
        try
        {
            job.Answer.SetResult(GradCam.Of(learner, job.Photo, job.Class));
        }
        catch (Exception e)
        {
            job.Answer.TrySetException(e);
        }
    }

    abstract record Job;

    sealed record PhotoJob(float[] Photo, TaskCompletionSource<Prediction> Answer) : Job;

    sealed record HeatMapJob(Image Photo, int Class, TaskCompletionSource<GradCam> Answer) : Job;

    /// <summary>A photo on its way to the queue.</summary>
    public sealed class Arrival : IDisposable
    {
        PredictionQueue? queue;

        public Arrival(PredictionQueue queue)
        {
            this.queue = queue;
            Interlocked.Increment(ref queue.arriving);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref queue, null) is { } it) Interlocked.Decrement(ref it.arriving);
        }
    }
}
