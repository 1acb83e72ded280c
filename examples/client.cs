// Asks a model that `tessera serve pets.safetensors` answers for: `dotnet run examples/client.cs -- http://127.0.0.1:8080 cat.jpg`
// Nothing of Tessera is needed to ask: any program that can post a file does the same.
using System.Text.Json.Nodes;

if (args.Length < 2)
{
    Console.Error.WriteLine("usage: dotnet run examples/client.cs -- ADDRESS PHOTO...");
    return 2;
}
HttpClient http = new() { BaseAddress = new Uri(args[0]) };
foreach (string photo in args.Skip(1))
{
    var response = await http.PostAsync("/predict", new ByteArrayContent(File.ReadAllBytes(photo)));
    JsonNode answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
    if (!response.IsSuccessStatusCode)
    {
        Console.Error.WriteLine($"{photo}: {answer["error"]} {answer["hint"]}");
        return 1;
    }
    Console.WriteLine($"{photo}: {answer["label"]}, {(double)answer["probability"]!:P0}");
}
return 0;
