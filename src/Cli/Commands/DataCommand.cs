using System.CommandLine;

namespace Tessera.Cli;

/// <summary><c>tessera data</c>: fetches data sets, and looks at photos before anything is trained on them.</summary>
static class DataCommand
{
    const string Examples = """
        Examples:
          tessera data list
          tessera data fetch mnist_sample
          tessera data inspect photos/
        """;

    public static Command Create(TextWriter output) => new ExampleCommand("data", "Fetch data sets, and look at photos before training.", Examples)
    {
        DataFetchCommand.List(output),
        DataFetchCommand.Fetch(output),
        DataInspectCommand.Create(output),
    };
}
