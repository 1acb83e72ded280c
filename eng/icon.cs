#:package SkiaSharp
#:package SkiaSharp.NativeAssets.Linux.NoDependencies
// Draws the packages' icon, a mosaic of 4 x 4 tiles: `dotnet run eng/icon.cs`.
using SkiaSharp;

const int side = 128, count = 4, gap = 4;
// A path of bright tiles runs down through dark ones, as a gradient does.
string[] tiles =
[
    "#1b3a4b", "#255f73", "#1b3a4b", "#f2c14e",
    "#255f73", "#1b3a4b", "#f29e4c", "#2f8396",
    "#1b3a4b", "#e4713f", "#2f8396", "#255f73",
    "#d1495b", "#2f8396", "#255f73", "#1b3a4b",
];

using SKSurface surface = SKSurface.Create(new SKImageInfo(side, side));
surface.Canvas.Clear(SKColors.Transparent);
float size = (side - ((count + 1) * gap)) / (float)count;
for (int i = 0; i < tiles.Length; i++)
{
    float x = gap + (i % count * (size + gap)), y = gap + (i / count * (size + gap));
    using SKPaint paint = new() { Color = SKColor.Parse(tiles[i]), IsAntialias = true };
    surface.Canvas.DrawRoundRect(x, y, size, size, 4, 4, paint);
}
using SKData png = surface.Snapshot().Encode(SKEncodedImageFormat.Png, 100);
File.WriteAllBytes(Path.Combine(AppContext.GetData("EntryPointFileDirectoryPath") as string ?? "eng", "icon.png"), png.ToArray());
