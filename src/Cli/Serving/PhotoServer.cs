using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary>A running server: one model, one address. Stopping it answers all requests that it had accepted.</summary>
sealed class PhotoServer
{
    readonly WebApplication app;
    readonly PredictionQueue queue;

    PhotoServer(WebApplication app, PredictionQueue queue, ServingMetrics metrics)
    {
        (this.app, this.queue, Metrics) = (app, queue, metrics);
        Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>What it has done.</summary>
    public ServingMetrics Metrics { get; }

    /// <summary>Starts a server.</summary>
    /// <param name="learner">The model.</param>
    /// <param name="modelName">How pages call it.</param>
    /// <param name="options">Where it listens and how much it takes.</param>
    /// <param name="errors">Where mistakes of the server itself are written.</param>
    /// <exception cref="TesseraException">It cannot listen there.</exception>
    public static async Task<PhotoServer> Start(ImageLearner learner, string modelName, ServingOptions options, TextWriter errors)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxUpload + Upload.FormOverhead;
            kestrel.Listen(options.Host, options.Port);
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(30));
        var app = builder.Build();
        WarmUp(learner.ToClassifier());
        var metrics = new ServingMetrics();
        var queue = new PredictionQueue(learner, options, metrics);
        var site = new PhotoSite(learner, modelName, queue, options, metrics, TextWriter.Synchronized(errors));
        app.Run(site.Answer);
        try
        {
            await app.StartAsync(CancellationToken.None);
            return new PhotoServer(app, queue, metrics);
        }
        catch (Exception e)
        {
            queue.Finish();
            await app.DisposeAsync();
            if (e is IOException or SocketException) throw Unreachable(options, e);
            throw;
        }
    }

    /// <summary>Takes no more requests, answers those it has, and ends.</summary>
    public async Task Stop()
    {
        await app.StopAsync(CancellationToken.None);
        queue.Finish();
        await app.DisposeAsync();
    }

    /// <summary>The first predictions prepare weights and kernels: no request need wait for that.</summary>
    static void WarmUp(ImageClassifier classifier)
    {
        float[] grey = new float[classifier.Size.Height * classifier.Size.Width * Image.Channels];
        for (int i = 0; i < 2; i++) classifier.PredictPrepared([grey]);
    }

    static TesseraException Unreachable(ServingOptions options, Exception e)
    {
        string where = string.Create(CultureInfo.InvariantCulture, $"{options.Host}, port {options.Port}");
        var code = (e as SocketException ?? e.GetBaseException() as SocketException)?.SocketErrorCode;
        return code switch
        {
            SocketError.AddressAlreadyInUse => new TesseraException($"serve: {where}: another program listens there. Hint: stop it, or give another --port; 0 takes any free one.", e),
            SocketError.AccessDenied => new TesseraException($"serve: {where}: you may not listen there. Hint: give a --port of 1024 or more.", e),
            SocketError.AddressNotAvailable => new TesseraException(
                $"serve: {where}: this machine has no such address. "
                    + "Hint: --host 127.0.0.1 for this machine only, 0.0.0.0 for all its addresses.", e),
            _ => new TesseraException($"serve: {where}: cannot listen there: {e.Message.TrimEnd('.')}.", e),
        };
    }
}
