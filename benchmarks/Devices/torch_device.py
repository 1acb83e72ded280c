"""The works of `benchmarks device` in PyTorch on one GPU: prints a JSON object from work to milliseconds.

float32 without TF32 ("highest"), channels-last, eager; --tf32 allows TF32 in products and convolutions; "--work resnet18" runs the works whose names begin so.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F

tf32 = "--tf32" in sys.argv
only = sys.argv[sys.argv.index("--work") + 1] if "--work" in sys.argv else ""
torch.backends.cuda.matmul.allow_tf32 = tf32
torch.backends.cudnn.allow_tf32 = tf32
torch.backends.cudnn.benchmark = True
device = "cuda:0"
rows = {}


def measure(name, run):
    if not name.startswith(only):
        return

    def round_(times):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(times):
            run()
        torch.cuda.synchronize()
        return (time.perf_counter() - start) * 1e3 / times

    round_(1)
    first = min(round_(1), round_(2))
    count = int(min(max(60 / first, 1), 2000))
    rows[name] = sorted(round_(count) for _ in range(5))[2]
    print(name, rows[name], file=sys.stderr)


def noise(*shape):
    x = torch.randn(shape, device=device)
    return x.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else x


def no_grad(f):
    def run():
        with torch.no_grad():
            f()
    return run


n = 1 << 26
a, b = noise(n), noise(n)
measure("addition", no_grad(lambda: a + b))
measure("sigmoid", no_grad(lambda: a.sigmoid()))
measure("sum of all", no_grad(lambda: a.sum()))
c = noise(n // 64, 64)
measure("sum of columns", no_grad(lambda: c.sum(0)))
d = noise(n // 1024, 1000)
measure("softmax of rows of 1000", no_grad(lambda: d.softmax(-1)))
x, bias = noise(64, 64, 112, 112), noise(1, 64, 1, 1)
measure("bias over channels", no_grad(lambda: x + bias))
measure("max pool 3x3/2", no_grad(lambda: F.max_pool2d(x, 3, 2, 1)))
norm = torch.nn.BatchNorm2d(64).to(device)
measure("batch norm, training", no_grad(lambda: norm(x)))
logits, classes = noise(n // 1024, 1000).requires_grad_(), torch.arange(n // 1024, device=device) * 37 % 1000


def cross_entropy():
    F.cross_entropy(logits, classes).backward()
    logits.grad = None


measure("cross-entropy of rows of 1000, forward+backward", cross_entropy)
for size in (1024, 2048, 4096, 8192):
    p, q = noise(size, size), noise(size, size)
    measure(f"sgemm {size}", no_grad(lambda: p @ q))
    half_p, half_q = p.bfloat16(), q.bfloat16()
    measure(f"bf16 gemm {size}", no_grad(lambda: half_p @ half_q))

shapes = [(3, 64, 7, 2, 224), (64, 64, 3, 1, 56), (64, 128, 3, 2, 56), (64, 128, 1, 2, 56), (128, 128, 3, 1, 28), (128, 256, 3, 2, 28),
          (128, 256, 1, 2, 28), (256, 256, 3, 1, 14), (256, 512, 3, 2, 14), (256, 512, 1, 2, 14), (512, 512, 3, 1, 7)]
for C, K, R, stride, side in shapes:
    name = f"conv {R}x{R}{f'/{stride}' if stride > 1 else ''} {C}-{K} @{side}"
    x, w = noise(64, C, side, side), noise(K, C, R, R)
    out = (side - 1) // stride + 1
    g = noise(64, K, out, out)
    measure(name + " forward", no_grad(lambda: F.conv2d(x, w, stride=stride, padding=R // 2)))
    w.requires_grad = True
    x.requires_grad = C != 3

    def both():
        F.conv2d(x, w, stride=stride, padding=R // 2).backward(g)
        w.grad = None
        x.grad = None
    measure(name + " forward+backward", both)

try:
    import torchvision
except ImportError:
    torchvision = None
if torchvision:
    for depth in (18, 34, 50):
        net = getattr(torchvision.models, f"resnet{depth}")().to(device).to(memory_format=torch.channels_last)
        for half in (False, True):
            name = f"resnet{depth} bf16" if half else f"resnet{depth}"

            def forward(x):
                with torch.autocast("cuda", torch.bfloat16, enabled=half):
                    return net(x)

            net.eval()
            for batch in (1, 64):
                x = noise(batch, 3, 224, 224)
                measure(f"{name} inference, batch {batch}", no_grad(lambda: forward(x)))
            net.train()
            optimizer = torch.optim.AdamW(net.parameters())
            for batch in (8, 64):
                x, y = noise(batch, 3, 224, 224), torch.arange(batch, device=device) * 37 % 1000

                def step():
                    F.cross_entropy(forward(x), y).backward()
                    optimizer.step()
                    optimizer.zero_grad()

                measure(f"{name} training step, batch {batch}", step)
print(json.dumps(rows))
