using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary><c>tessera serve</c>: a page and an endpoint that classify photos with a trained model.</summary>
static class ServeCommand
{
    const string Examples = """
        Examples:
          tessera serve model.safetensors                      then open http://127.0.0.1:8080/
          tessera serve model.safetensors --host 0.0.0.0       for phones in the same network
          curl --data-binary @cat.jpg http://127.0.0.1:8080/predict
        """;

    public static Command Create(TextWriter output, TextWriter error)
    {
        var model = ModelFile.Argument();
        var port = Options.Number("--port", "Where to listen; 0 for any free port.", 0, 8080);
        var host = Host();
        var batch = Options.Number("--max-batch", "Photos classified together at most.", 1, 32);
        var upload = Options.Number("--max-upload-mb", "Size of a photo's file at most, in MiB.", 1, 16);
        var device = Options.Device();
        port.Validators.Add(AtMost(65535));
        batch.Validators.Add(AtMost(1024));
        upload.Validators.Add(AtMost(1024));
        var command = new ExampleCommand("serve", "Classify photos on a web page and for other programs.", Examples) { model, port, host, batch, upload, device };
        command.SetAction(parsed =>
        {
            Device.Default = Device.Parse(parsed.GetValue(device)!);
            var options = new ServingOptions
            {
                Host = Address(parsed.GetValue(host)!)!,
                Port = parsed.GetValue(port),
                MaxBatch = parsed.GetValue(batch),
                MaxUpload = (long)parsed.GetValue(upload) << 20,
            };
            return Run(parsed.GetValue(model)!, options, output, error).GetAwaiter().GetResult();
        });
        return command;
    }

    static async Task<int> Run(string model, ServingOptions options, TextWriter output, TextWriter error)
    {
        var learner = ModelFile.Learner(model);
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        var server = await PhotoServer.Start(learner, Path.GetFileName(model), options, error);
        output.WriteLine($"{Path.GetFileName(model)} answers at {server.Address} (Ctrl-C stops it)");
        output.Flush();
        await stop.Task;
        await server.Stop();
        var (photos, batches) = server.Metrics.Classified;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"stopped: {server.Metrics.Answered} requests answered, {photos} photos in {batches} batches"));
        return Tool.Success;

        // The second signal ends the process at once.
        void Stop(PosixSignalContext signal) => signal.Cancel = stop.TrySetResult();
    }

    static Option<string> Host()
    {
        var option = new Option<string>("--host") { Description = "Address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 for all.", DefaultValueFactory = _ => "127.0.0.1" };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && Address(result.Tokens[0].Value) is null)
                result.AddError($"--host: got '{result.Tokens[0].Value}', expected an address such as 127.0.0.1, 0.0.0.0 or localhost.");
        });
        return option;
    }

    static IPAddress? Address(string host) => host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(host, out var address) ? address : null;

    static Action<System.CommandLine.Parsing.OptionResult> AtMost(int most) => result =>
    {
        if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out int value) && value > most)
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{result.Option.Name}: got {value}, expected at most {most}."));
    };
}
