"""Files that define torch modules, as users write them."""

PINN = """
import torch
from torch import nn


def model(width=4, beta=1.0):
    net = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1)).double()
    net.beta = beta
    return net


x = torch.rand(30, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def pinn(net):
    points = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(net(points).sum(), points, create_graph=True)
    start = torch.stack([x[:, 0], 0 * x[:, 0]], 1)
    return {
        "interior": (slope[:, 1] + net.beta * slope[:, 0]).square().mean(),
        "initial": 10 * (net(start) - torch.sin(x[:, :1])).square().mean(),
    }


def fit(net):
    return (net(x) - torch.sin(x[:, :1] - net.beta * x[:, 1:])).square().mean()


losses = {"pinn": pinn, "fit": fit}


def error(net):
    u = torch.sin(x[:, :1] - net.beta * x[:, 1:])
    return {"l2_error": ((net(x) - u).norm() / u.norm()).detach(), "largest": (net(x) - u).abs().max().detach()}
"""

# Trains itself, with a plain torch loop.
TRAINING = (
    PINN
    + """

def train(net, seed, snapshot):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for step in range(1, 41):
        optimizer.zero_grad()
        sum(pinn(net).values()).backward()
        optimizer.step()
        snapshot(step)
"""
)

# A loss on mini-batches, with residuals and a minimum.
BATCHES = """
import torch
from torch import nn

x = torch.linspace(-1, 1, 24, dtype=torch.float64)[:, None]
batches = 4
minimum = {"fit": 0.0}


def model():
    return nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1)).double()


def differences(net, batch=None):
    own = x if batch is None else x[batch::batches]
    return (net(own) - own**3) / len(own) ** 0.5


losses = {"fit": lambda net, batch=None: differences(net, batch).square().sum()}
residuals = {"fit": differences}
"""

# One function for all losses; a buffer that depends on the seed and changes the loss.
BUFFER = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("frequency", torch.randn(1, 4))
        self.last = nn.Linear(4, 1)

    def forward(self, x):
        return self.last(torch.sin(x @ self.frequency))


def model():
    return Net()


def losses(net):
    x = torch.linspace(0, 1, 9)[:, None]
    return {"fit": (net(x) - x).square().mean(), "size": net(x).square().mean()}
"""
