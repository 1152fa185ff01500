"""Adam against torch's, L-BFGS against a dense formula and SciPy's."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from cases import initial, small, with_spectrum
from scipy.optimize import minimize

from pinnscape.losses.objective import tensor
from pinnscape.training.optimizers import LBFGS, Adam, State, _Pairs, start


def function_of(loss):
    """Loss and gradient of a function of a tensor."""

    def evaluate(theta):
        theta = theta.detach().requires_grad_()
        value = loss(theta)
        (gradient,) = torch.autograd.grad(value, theta)
        return value.detach(), gradient

    return evaluate


def rosenbrock(theta):
    return (100.0 * (theta[1:] - theta[:-1] ** 2) ** 2 + (1.0 - theta[:-1]) ** 2).sum()


def run(optimizer, state: State, steps: int) -> list[State]:
    """The states up to ``steps`` steps or to the end."""
    states = [state]
    while len(states) <= steps and (successor := optimizer.step(states[-1])) is not None:
        states.append(successor)
    return states


# ---- Adam ----


@pytest.mark.parametrize("formulation", ["deep-ritz", "strong-form"])
@pytest.mark.parametrize("decay", [1.0, 0.1])
def test_adam_takes_the_steps_of_torch(formulation, decay):
    objective, steps = small().objective(formulation), 40
    theta = initial(objective.discretization)
    states = run(Adam(objective.loss_and_gradient, steps, 0.01, decay), start(objective.loss_and_gradient, theta), steps)
    reference = theta.clone().requires_grad_()
    torch_adam = torch.optim.Adam([reference], lr=0.01)
    for t in range(steps):
        (group,) = torch_adam.param_groups
        group["lr"] = 0.01 * decay ** (t / (steps - 1))
        reference.grad = objective.gradient(reference)
        torch_adam.step()
        np.testing.assert_allclose(states[t + 1].theta.numpy(), reference.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_a_state_holds_the_loss_and_gradient_of_its_own_point():
    objective = small().objective("deep-ritz")
    first = start(objective.loss_and_gradient, initial(objective.discretization))
    for optimizer in (Adam(objective.loss_and_gradient, 5, 0.01), LBFGS(objective.loss_and_gradient)):
        for state in run(optimizer, first, 5):
            loss, gradient = objective.loss_and_gradient(state.theta)
            assert state.loss == float(loss)
            assert torch.equal(state.gradient, gradient)


def test_the_learning_rate_falls_geometrically_from_the_first_to_the_last_step():
    evaluate = function_of(lambda theta: (theta**2).sum())
    states = run(Adam(evaluate, 11, 0.5, 0.01), start(evaluate, torch.ones(3, dtype=torch.float64)), 11)
    np.testing.assert_allclose([s.rate for s in states[1:]], 0.5 * 0.01 ** (np.arange(11) / 10), rtol=1e-14)


def test_a_single_step_of_adam_has_the_first_learning_rate():
    evaluate = function_of(lambda theta: (theta**2).sum())
    (_, last) = run(Adam(evaluate, 1, 0.5, 0.1), start(evaluate, torch.ones(2, dtype=torch.float64)), 1)
    assert last.rate == 0.5
    np.testing.assert_allclose(last.theta.numpy(), 0.5, rtol=1e-7)  # the first step of Adam has the length of the rate


def test_optimisers_leave_the_states_that_they_get_as_they_were():
    evaluate = function_of(rosenbrock)
    for optimizer in (Adam(evaluate, 3, 0.1), LBFGS(evaluate)):
        first = start(evaluate, torch.tensor([-1.2, 1.0], dtype=torch.float64))
        theta, gradient = first.theta.clone(), first.gradient.clone()
        run(optimizer, first, 3)
        assert torch.equal(first.theta, theta)
        assert torch.equal(first.gradient, gradient)


# ---- L-BFGS ----


@pytest.mark.parametrize("size", [2, 5, 20])
def test_lbfgs_minimises_a_quadratic_in_about_as_many_steps_as_it_has_dimensions(size):
    matrix, minimum = with_spectrum(np.geomspace(1.0, 10.0, size)), tensor(np.linspace(-1, 2, size))
    evaluate = function_of(lambda theta: 0.5 * (theta - minimum) @ matrix @ (theta - minimum))
    states = run(LBFGS(evaluate, gradient_tolerance=0.0), start(evaluate, torch.zeros(size, dtype=torch.float64)), 15 + size)
    assert float((states[-1].theta - minimum).abs().max()) < 1e-10


@pytest.mark.parametrize("memory", [2, 5, 50])
def test_lbfgs_steps_along_the_quasi_newton_direction_of_its_pairs(memory):
    evaluate = function_of(rosenbrock)
    states = run(LBFGS(evaluate, memory), start(evaluate, tensor(np.linspace(-1.0, 0.5, 6))), 15)
    identity = torch.eye(6, dtype=torch.float64)
    for k in range(1, len(states) - 1):
        pairs = [(b.theta - a.theta, b.gradient - a.gradient) for a, b in pairwise(states[: k + 1])][-memory:]
        assert all(float(s @ y) > 0 for s, y in pairs)
        s, y = pairs[-1]
        inverse = (s @ y) / (y @ y) * identity  # Nocedal & Wright (2006), eq. 7.20
        for s, y in pairs:  # eq. 6.17
            v = identity - torch.outer(y, s) / (s @ y)
            inverse = v.T @ inverse @ v + torch.outer(s, s) / (s @ y)
        expected = -states[k + 1].rate * inverse @ states[k].gradient
        step = states[k + 1].theta - states[k].theta
        np.testing.assert_allclose(step.numpy(), expected.numpy(), rtol=1e-7, atol=1e-9 * float(step.norm()))


@pytest.mark.parametrize("size", [2, 10])
def test_lbfgs_reaches_the_minimum_of_rosenbrock_as_scipy_does(size):
    origin = np.tile([-1.2, 1.0], size // 2)
    evaluate = function_of(rosenbrock)
    states = run(LBFGS(evaluate, 10), start(evaluate, tensor(origin)), 500)
    reference = minimize(
        lambda x: tuple(v.numpy() for v in evaluate(tensor(x))),
        origin,
        jac=True,
        method="L-BFGS-B",
        options={"maxcor": 10, "ftol": 0.0, "gtol": 1e-9},
    )
    # In ten dimensions there is a second, local minimum near x_1 = -1.
    np.testing.assert_allclose(states[-1].theta.numpy(), reference.x, atol=1e-8)
    assert states[-1].loss == pytest.approx(reference.fun, rel=1e-10, abs=1e-16)
    assert len(states) <= 2 * reference.nit
    if size == 2:
        np.testing.assert_allclose(states[-1].theta.numpy(), 1.0, atol=1e-8)


def test_lbfgs_trains_a_network_as_well_as_scipy_does():
    objective = small().objective("deep-ritz")
    theta = initial(objective.discretization)
    states = run(LBFGS(objective.loss_and_gradient), start(objective.loss_and_gradient, theta), 60)

    def evaluate(x):
        loss, gradient = objective.loss_and_gradient(tensor(x))
        return float(loss), gradient.numpy()

    reference = minimize(
        evaluate, theta.numpy(), jac=True, method="L-BFGS-B", options={"maxiter": 60, "maxcor": 50, "ftol": 0.0}
    )
    gaps = states[-1].loss - objective.minimum, reference.fun - objective.minimum
    assert 0.0 < gaps[0] < 3.0 * gaps[1]


def test_the_loss_never_rises_under_lbfgs():
    objective = small().objective("strong-form")
    states = run(LBFGS(objective.loss_and_gradient), start(objective.loss_and_gradient, initial(objective.discretization)), 40)
    losses = np.array([s.loss for s in states])
    assert len(losses) == 41
    assert (np.diff(losses) < 0).all()


def test_lbfgs_stops_where_the_gradient_vanishes():
    evaluate = function_of(lambda theta: (theta**2).sum())
    assert LBFGS(evaluate).step(start(evaluate, torch.zeros(3, dtype=torch.float64))) is None


def test_lbfgs_stops_below_the_gradient_tolerance_and_not_above():
    evaluate = function_of(lambda theta: (theta**2).sum())
    state = start(evaluate, torch.tensor([0.5, 0.0], dtype=torch.float64))  # gradient (1, 0)
    assert LBFGS(evaluate, gradient_tolerance=1.0).step(state) is None
    assert LBFGS(evaluate, gradient_tolerance=0.99).step(state) is not None


def test_lbfgs_stops_where_no_step_helps():
    origin = torch.ones(2, dtype=torch.float64)

    def pit(theta):  # every other point is higher, whatever the gradient says
        return torch.tensor(1.0 if torch.equal(theta, origin) else 2.0), origin

    assert LBFGS(pit).step(start(pit, origin)) is None


def test_lbfgs_starts_afresh_where_its_memory_leads_nowhere():
    evaluate = function_of(lambda theta: (torch.tensor([1.0, 100.0], dtype=torch.float64) * theta**2).sum())
    walled = []

    def function(theta):
        loss, gradient = evaluate(theta)
        if walled:  # the loss exists only near the line of steepest descent
            point, slope = walled[0].theta, walled[0].gradient
            step = theta - point
            if float(step @ slope) > -0.999 * float(step.norm() * slope.norm()) or torch.equal(theta, point):
                return torch.full_like(loss, torch.nan), gradient
        return loss, gradient

    optimizer = LBFGS(function)
    *_, state = run(optimizer, start(function, torch.tensor([3.0, 1.0], dtype=torch.float64)), 3)
    walled.append(state)
    successor = optimizer.step(state)
    assert successor is not None
    assert successor.loss < state.loss


def test_lbfgs_goes_around_a_region_where_the_loss_does_not_exist():
    # log of a negative number beyond x = 1; the minimum of x² - log(1 - x) is inside
    evaluate = function_of(lambda theta: (theta**2 - torch.log(1.0 - theta)).sum())
    states = run(LBFGS(evaluate), start(evaluate, torch.tensor([-50.0], dtype=torch.float64)), 50)
    assert all(np.isfinite(s.loss) for s in states)
    # 2x + 1/(1 - x) = 0
    assert float(states[-1].theta) == pytest.approx((1.0 - np.sqrt(3.0)) / 2.0, abs=1e-8)


def test_lbfgs_runs_down_to_rounding_without_a_crash():
    evaluate = function_of(lambda theta: 1e6 + (theta**4).sum())
    states = run(LBFGS(evaluate, gradient_tolerance=0.0), start(evaluate, tensor(np.linspace(0.5, 2.0, 4))), 200)
    assert states[-1].loss == pytest.approx(1e6, abs=1e-8)


@pytest.mark.parametrize("size", [1, 7, 13, 64])
@pytest.mark.parametrize("memory", [1, 3, 5])
def test_the_history_lies_as_a_matrix_whose_layout_says_nothing_of_how_long_it_has_been_kept(memory, size):
    """The products that BLAS forms see aligned rows, the oldest first, wherever in its buffer the history is."""
    random = torch.Generator().manual_seed(size)
    pairs, kept, buffers = _Pairs(memory), [], set()
    for _ in range(5 * memory + 2):
        s = torch.randn(size, generator=random, dtype=torch.float64)
        kept = [*kept, (s, 2.0 * s + s.roll(1))][-memory:]
        pairs.append(*kept[-1])
        other = _Pairs(memory)
        other.load_state_dict(pairs.state_dict())
        for found in (pairs, other):
            stored = found.state_dict()
            assert torch.equal(stored["s"], torch.stack([s for s, _ in kept]))
            assert torch.equal(stored["y"], torch.stack([y for _, y in kept]))
            np.testing.assert_allclose(stored["r"], (stored["s"] @ stored["y"].T).triu(), rtol=1e-12, atol=1e-12)
            for window in (found._s, found._y):
                assert window.rows.data_ptr() % 64 == 0
                assert len(kept) == 1 or window.rows.stride()[0] * 8 % 64 == 0
        assert torch.equal(pairs.direction(s), other.direction(s))
        buffers.add(pairs._s._buffer.data_ptr())
    assert len(buffers) == 1  # no new matrix for each step


def test_what_an_optimiser_remembers_is_a_copy_that_later_steps_leave_alone():
    evaluate = function_of(rosenbrock)
    optimizer = LBFGS(evaluate, 3)
    *_, state = run(optimizer, start(evaluate, tensor(np.linspace(-1.0, 0.5, 6))), 4)
    kept = optimizer.state_dict()
    before = {name: values.clone() for name, values in kept.items()}
    run(optimizer, state, 8)
    assert all(torch.equal(kept[name], values) for name, values in before.items())
