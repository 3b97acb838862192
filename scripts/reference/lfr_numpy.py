"""Compare the LFR objective and its gradient with an independent one in numpy.

The loss is written as the paper has it, person by person; its gradient comes from complex steps,
f'(a) = Im f(a + ih) / h, which is exact to rounding and shares no formula with ours.
"""

import argparse
import json
import pathlib
import subprocess

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEP = 1e-30


def absolute(a):
    """|a| continued to complex numbers: the sign of the real part decides."""
    return np.where(a.real < 0, -a, a)


def terms(x, y, s, v, w, alpha):
    """L_x, L_y, L_z of Zemel et al. 2013; the first two as means over people."""
    members = []
    for n in range(len(x)):
        distance = np.array([np.sum(alpha[s[n]] * (x[n] - v[k]) ** 2) for k in range(len(v))])
        e = np.exp(-distance + distance.real.min())
        members.append(e / e.sum())
    m = np.array(members)
    l_x = np.mean([np.sum((x[n] - m[n] @ v) ** 2) for n in range(len(x))])
    p = m @ w
    l_y = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    l_z = np.sum(absolute(m[s == 1].mean(0) - m[s == 0].mean(0)))
    return l_x, l_y, l_z


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    example = ROOT / "target/release/examples/lfr_gradient"
    parser.add_argument("--program", type=pathlib.Path, default=example)
    args = parser.parse_args()
    random = np.random.default_rng(1)
    worst = 0.0
    for people, features, prototypes, weights in [
        (60, 7, 4, (0.01, 1, 5)), (90, 12, 10, (1, 0.1, 0.5)), (40, 3, 2, (0, 1, 0))
    ]:
        x = random.normal(size=(people, features)).astype(np.float32).astype(float)
        y, s = random.integers(0, 2, people), random.integers(0, 2, people)
        parameters = [random.normal(size=(prototypes, features)), random.uniform(0.1, 0.9, prototypes),
                      random.uniform(0, 0.5, (2, features))]

        def loss(parameters):
            return np.dot(weights, terms(x, y, s, *parameters))

        expected = []
        for i, parameter in enumerate(parameters):
            gradient = np.zeros(parameter.shape)
            for place in np.ndindex(parameter.shape):
                moved = [p.astype(complex) for p in parameters]
                moved[i][place] += 1j * STEP
                gradient[place] = loss(moved).imag / STEP
            expected.append(gradient)
        problem = {
            "x": x.tolist(), "y": y.tolist(), "s": s.tolist(), "prototypes": parameters[0].tolist(),
            "predictions": parameters[1].tolist(), "weights": parameters[2].tolist(),
            "a_x": weights[0], "a_y": weights[1], "a_z": weights[2],
        }
        output = subprocess.run(
            [args.program], input=json.dumps(problem), text=True, check=True, capture_output=True,
        ).stdout
        found = json.loads(output)
        differences = [abs(found["loss"] - loss(parameters))]
        for name, gradient in zip(["by_prototypes", "by_predictions", "by_weights"], expected):
            differences.append(np.max(np.abs(np.array(found[name]) - gradient)))
        print(f"{people} people, {features} features, {prototypes} prototypes: largest differences "
              f"loss {differences[0]:.1e}, gradient {max(differences[1:]):.1e}")
        assert np.isfinite(differences).all(), differences
        worst = max(worst, *differences)
    assert worst < 1e-12, worst
    print(f"agree to {worst:.1e}")


if __name__ == "__main__":
    main()
