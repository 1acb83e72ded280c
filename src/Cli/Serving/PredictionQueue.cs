using System.Threading.Channels;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary>
/// One thread owns the model; others hand it photos and wait. What has come while a batch was classified is the next batch: a single request is answered at
/// once, and the more come, the more are classified together.
/// </summary>
sealed class PredictionQueue
{
    readonly ImageLearner learner;
    readonly ImageClassifier classifier;
    readonly ServingOptions options;
    readonly ServingMetrics metrics;
    readonly Channel<Job> jobs;
    readonly Thread worker;

    public PredictionQueue(ImageLearner learner, ServingOptions options, ServingMetrics metrics)
    {
        (this.learner, this.options, this.metrics) = (learner, options, metrics);
        classifier = learner.ToClassifier();
        jobs = Channel.CreateBounded<Job>(new BoundedChannelOptions(4 * options.MaxBatch) { SingleReader = true });
        worker = new Thread(Work) { Name = "tessera model", IsBackground = true };
        worker.Start();
    }

    /// <summary>Classifies a photo that <see cref="ImageClassifier.Prepare(Image)"/> made.</summary>
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
        while (jobs.Reader.WaitToReadAsync().AsTask().Result)
        {
            while (batch.Count < options.MaxBatch && jobs.Reader.TryRead(out var job)) batch.Add(job);
            Answer([.. batch.OfType<PhotoJob>()]);
            foreach (var map in batch.OfType<HeatMapJob>()) Answer(map);
            batch.Clear();
        }
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
}
