"""What SciPy, statsmodels and NumPy make of the inputs here: the values that lib/statistics is held against.

    statistics_reference.py > fixtures/statistics.json

Inputs and values are written together, with this script's name, the versions and the seed, so that the test needs no
Python; where Python is there, it is run again and the values must come out as written.
"""

import json
import platform
import sys
import warnings

import numpy as np
import pandas as pd
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.formula.api import ols
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    power_proportions_2indep,
    proportion_confint,
    proportions_ztest,
)

SEED = 20240424
random = np.random.default_rng(SEED)


def distributions():
    z = [0.1, 0.5, 1.0, 1.7, 1.96, 3.0, 5.74, 12.7, 30.0]
    t = [(0.1, 1), (2.0, 1), (2.0, 2.5), (4.30265, 2), (1.99, 47), (3.3, 11.9), (5.0, 500), (1.96, 11903), (40.0, 20)]
    p = [1e-6, 0.001, 0.025, 0.2, 0.5, 0.8, 0.975, 0.9995]
    df = [1, 2, 2.7, 11, 47, 671, 11903]
    return {
        "normalTwoSided": [[x, 2 * stats.norm.sf(x)] for x in z],
        "studentTwoSided": [[x, n, 2 * stats.t.sf(x, n)] for x, n in t],
        "normalQuantile": [[x, stats.norm.ppf(x)] for x in p],
        "studentQuantile": [[x, n, stats.t.ppf(x, n)] for x in p for n in df],
        "chiSquaredUpper": [[x, n, stats.chi2.sf(x, n)] for x in (0.05, 1.0, 7.4, 60.0) for n in (1, 2, 5, 11)],
        "chiSquaredQuantile": [[x, n, stats.chi2.ppf(x, n)] for x in p for n in (1, 2, 5, 11)],
    }


def proportions():
    cases = [(0, 20), (1, 1), (1, 29), (15, 148), (81, 263), (384, 500), (2288, 4183), (20, 20)]
    return [
        {
            "count": k,
            "n": n,
            "stderr": float(np.std([1] * k + [0] * (n - k), ddof=1) / np.sqrt(n)) if n > 1 else None,
            "wilson95": proportion_confint(k, n, 0.05, "wilson"),
            "wilson99": proportion_confint(k, n, 0.01, "wilson"),
        }
        for k, n in cases
    ]


def binomial():
    cases = [(30, 168, 0.25), (56, 168, 0.25), (0, 12, 0.25), (12, 12, 0.25), (5, 10, 0.5)]
    cases += [(2400, 4183, 0.55), (9, 16, 1 / 3)]
    kinds = ["two-sided", "greater", "less"]
    return [[k, n, p, kind, stats.binomtest(k, n, p, kind).pvalue] for k, n, p in cases for kind in kinds]


def mc_nemar():
    cases = [(0, 0), (0, 1), (0, 6), (3, 11), (10, 10), (10, 20), (61, 40), (500, 600), (2000, 1000)]
    return [[b, c, mcnemar([[7, b], [c, 5]], exact=True).pvalue if b + c else 1.0] for b, c in cases]


def fisher():
    cases = [(50, 73, 702, 1200), (18, 65, 2270, 4118), (0, 1, 203, 264), (6, 6, 80, 94), (3, 8, 5, 8)]
    return [[k, n, j, m, stats.fisher_exact([[k, n - k], [j, m - j]]).pvalue] for k, n, j, m in cases]


def holm():
    cases = [[], [0.04], [0.01, 0.04, 0.03, 0.005], [0.5, 0.9, 0.2], [0.02, 0.02, 0.02]]
    cases.append(random.uniform(size=12).tolist())
    return [[p, multipletests(p, method="holm")[1].tolist() if p else []] for p in cases]


def unpaired():
    cases = [(2288, 4183, 2547, 4183), (752, 1273, 783, 1273), (80, 100, 86, 100), (3, 20, 9, 31), (0, 40, 4, 40)]
    rows = []
    for ka, na, kb, nb in cases:
        z, p = proportions_ztest([kb, ka], [nb, na])
        low, high = confint_proportions_2indep(kb, nb, ka, na, method="newcomb", compare="diff")
        rows.append({"a": [ka, na], "b": [kb, nb], "z": z, "p": p, "interval": [low, high]})
    return rows


def paired_items(clusters, largest):
    """Right and wrong of two models whose luck is shared within a cluster of 1 to `largest` items."""
    rows = []
    for cluster in range(clusters):
        ease = random.uniform(0.1, 0.8)
        rows += [
            (int(random.uniform() < ease), int(random.uniform() < min(1, ease + 0.15)), cluster)
            for _ in range(random.integers(1, largest + 1))
        ]
    return rows


def clustered(y, x, groups, n_clusters):
    fit = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    assert fit.df_resid_inference == n_clusters - 1
    return fit


def bootstrap(rows, resamples=50_000):
    """Percentile interval over clusters, by a loop of NumPy's: SciPy's bootstrap knows no clusters."""
    frame = pd.DataFrame(rows, columns=["a", "b", "cluster"])
    sums = (frame.b - frame.a).groupby(frame.cluster).sum().to_numpy()
    sizes = frame.groupby("cluster").size().to_numpy()
    drawn = random.integers(0, len(sums), (resamples, len(sums)))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    return {"interval": np.quantile(means, [0.025, 0.975]).tolist(), "stderr": float(means.std(ddof=1))}


def paired():
    cases = []
    for clusters, largest in [(150, 1), (30, 8), (4, 12)]:
        rows = paired_items(clusters, largest)
        a, b, groups = np.array(rows).T
        fit = clustered(b - a, np.ones(len(rows)), groups, clusters)
        resampled = bootstrap(rows)
        if largest == 1:
            own = stats.bootstrap(
                (b - a,), np.mean, n_resamples=20_000, method="percentile", vectorized=True, rng=SEED
            ).confidence_interval
            resampled["scipy"] = [own.low, own.high]
        cases.append(
            {
                "a": a.tolist(),
                "b": b.tolist(),
                "clusters": groups.tolist(),
                "value": fit.params[0],
                "stderr": fit.bse[0],
                "p": fit.pvalues[0],
                "interval": fit.conf_int()[0].tolist(),
                "bootstrap": resampled,
            }
        )
    return cases


def difference_in_differences():
    cases = []
    for clusters, largest, strata in [(90, 1, 1), (40, 5, 1), (60, 3, 4)]:
        rows = paired_items(clusters, largest)
        a, b, groups = np.array(rows).T
        # Even clusters are flagged whole or not at all, the items of odd ones singly: these straddle both sides.
        flagged = np.where(groups % 2 == 0, groups % 6 == 0, random.uniform(size=len(rows)) < 0.3).astype(int)
        stratum = random.integers(0, strata, len(rows)) if strata > 1 else np.zeros(len(rows), int)
        fit = clustered(b - a, np.column_stack([flagged, np.eye(strata)[stratum]]), groups, clusters)
        smaller = min(len(set(groups[flagged == side])) for side in (0, 1))
        cases.append(
            {
                "a": a.tolist(),
                "b": b.tolist(),
                "flagged": flagged.tolist(),
                "clusters": groups.tolist(),
                "strata": stratum.tolist(),
                "value": fit.params[0],
                "stderr": fit.bse[0],
                "p": 2 * stats.t.sf(abs(fit.params[0] / fit.bse[0]), smaller - 1),
            }
        )
    return cases


def seeds():
    items, clusters = 60, np.repeat(np.arange(20), 3)
    ease = random.uniform(0.1, 0.8, 20)[clusters]

    def scores(count, gain):
        shift = random.normal(0, 0.05, (count, 1))
        return (random.uniform(size=(count, items)) < np.clip(ease + gain + shift, 0, 1)).astype(int)

    base, lora, full = scores(1, 0), scores(3, 0.2), scores(4, 0.25)

    def compare(a, b, fixed):
        difference = b.mean(0) - a.mean(0)
        over_items = clustered(difference, np.ones(items), clusters, 20).bse[0] ** 2
        trained = [b] if fixed else [a, b]
        parts = [(over_items, 19)] + [(m.mean(1).var(ddof=1) / len(m), len(m) - 1) for m in trained]
        variance = sum(part for part, _ in parts)
        df = variance**2 / sum(part**2 / n for part, n in parts)
        low, high = stats.t.interval(0.95, df, difference.mean(), np.sqrt(variance))
        return {
            "value": difference.mean(),
            "stderrItems": np.sqrt(over_items),
            "stderrSeeds": np.sqrt(variance - over_items),
            "stderr": np.sqrt(variance),
            "df": df,
            "interval": [low, high],
            "p": 2 * stats.t.sf(abs(difference.mean()) / np.sqrt(variance), df),
        }

    long = pd.DataFrame(lora).stack().rename_axis(["seed", "item"]).rename("score").reset_index()
    table = sm.stats.anova_lm(ols("score ~ C(seed) + C(item)", long).fit(), typ=1)
    ms = table["mean_sq"]
    means = lora.mean(1)
    sd = means.std(ddof=1)
    return {
        "clusters": clusters.tolist(),
        "base": base.tolist(),
        "lora": lora.tolist(),
        "full": full.tolist(),
        "baseToLora": compare(base, lora, True),
        "loraToFull": compare(lora, full, False),
        "variance": {
            "betweenSeeds": max(0, (ms["C(seed)"] - ms["Residual"]) / items),
            "betweenItems": max(0, (ms["C(item)"] - ms["Residual"]) / 3),
            "residual": ms["Residual"],
            "sd": sd,
            "sdInterval": [sd * np.sqrt(2 / stats.chi2.ppf(q, 2)) for q in (0.975, 0.025)],
        },
    }


def mc_nemar_power(n, discordance, difference):
    """Exact power of the z form of McNemar's test, over all numbers of discordant items."""
    total = 0.0
    for m in range(1, n + 1):
        weight = stats.binom.pmf(m, n, discordance)
        if weight > 1e-12:
            low = np.ceil((m - stats.norm.ppf(0.975) * np.sqrt(m)) / 2) - 1
            p = (1 + difference / discordance) / 2
            total += weight * (stats.binom.cdf(low, m, p) + stats.binom.sf(m - low - 1, m, p))
    return total


def power():
    z_alpha, z_power = stats.norm.ppf(0.975), stats.norm.ppf(0.8)
    pairs = []
    for n, discordance in [(168, 0.4), (1000, 0.2), (4183, 0.35)]:
        def lacking(d):
            return z_alpha * np.sqrt(discordance) + z_power * np.sqrt(discordance - d**2) - np.sqrt(n) * d

        difference = optimize.brentq(lacking, 0, discordance, xtol=1e-15)
        pairs.append([n, discordance, difference, mc_nemar_power(n, discordance, difference)])
    unpaired_cases = []
    for p, n in [(0.5, 100), (0.591, 1273), (0.547, 4183), (0.9, 300)]:
        def short(d, sign):
            return power_proportions_2indep(sign * d, p, n, alpha=0.05, return_results=False) - 0.8

        ends = [(sign, end - 1e-9) for sign, end in ((-1, p), (1, 1 - p)) if short(end - 1e-9, sign) > 0]
        found = [optimize.brentq(short, 1e-6, end, (sign,), xtol=1e-13) for sign, end in ends]
        unpaired_cases.append([p, n, max(found)])
    return {"paired": pairs, "unpaired": unpaired_cases}


def plain(value):
    """NumPy's numbers and arrays as JSON has them."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"statistics_reference.py: cannot write {type(value)}")


def main():
    warnings.simplefilter("error")
    record = {
        "script": "test/parity/statistics_reference.py",
        "seed": SEED,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "statsmodels": statsmodels.__version__,
            "pandas": pd.__version__,
        },
        "distributions": distributions(),
        "proportions": proportions(),
        "binomial": binomial(),
        "mcNemar": mc_nemar(),
        "fisher": fisher(),
        "holm": holm(),
        "unpaired": unpaired(),
        "paired": paired(),
        "differenceInDifferences": difference_in_differences(),
        "seeds": seeds(),
        "power": power(),
    }
    json.dump(record, sys.stdout, default=plain)
    sys.stdout.write("\n")


main()
