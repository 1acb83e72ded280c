// TorchSharp's names that are names of Tessera too.
global using Torch = TorchSharp.torch;
global using TorchModule = TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;
global using TorchTensor = TorchSharp.torch.Tensor;
