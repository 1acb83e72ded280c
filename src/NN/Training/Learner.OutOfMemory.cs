using System.Globalization;

namespace Tessera.NN;

public partial class Learner
{
    /// <summary>What ran out of memory, and the batch size that would fit if memory grew with it.</summary>
    OutOfDeviceMemoryException OutOfMemory(TrainingState s, Batch batch, OutOfDeviceMemoryException e)
    {
        var module = e.Data[Module.OutOfMemoryModule] as Module;
        string where = Model.NamedModules().FirstOrDefault(m => m.Module == module) is { Module: not null } found
            ? $"in {(found.Name.Length > 0 ? $"layer {found.Name}" : "the model")} ({found.Module.GetType().Name})"
            : s.IsTraining && s.KnowsLoss ? "in the backward pass or the step" : "in the batch";
        int size = batch.Items.Length;
        string message = e.Message.Split(" Hint: ")[0];
        return new OutOfDeviceMemoryException(string.Create(CultureInfo.InvariantCulture,
            $"Fit: {where} at epoch {s.Epoch}, batch {s.Batch} of {size} items: {message} Hint: {Cure(size)}, set GradientCheckpointing on the model's blocks, or raise TESSERA_MEMORY."), e);
    }

    static string Cure(int batchSize) => batchSize > 1
        ? string.Create(CultureInfo.InvariantCulture, $"use batch size {batchSize / 2} (GradientAccumulation(2) keeps the steps as they are)")
        : "use smaller inputs";
}
