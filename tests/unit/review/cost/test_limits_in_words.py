"""Tests of the texts of limits in dollars."""

import pytest

from mlpctl.review.cost.estimate import limits
from mlpctl.settings.cost import CostSettings
from unit.review import reports


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (-16_020.94, "The update saves $16,020.94 a month; cost.maxMonthlyDeltaUsd allows $100.00."),
        (50.0, "The update adds $50.00 a month; cost.maxMonthlyDeltaUsd allows $100.00."),
        (0.0, "The update adds $0.00 a month; cost.maxMonthlyDeltaUsd allows $100.00."),
    ],
)
def test_the_text_of_a_limit_states_the_sign_of_a_change(delta: float, text: str) -> None:
    cost = reports.cost([])
    totals = cost.totals.model_copy(update={"delta_monthly_usd": reports.money(delta)})
    settings = CostSettings.model_validate({"maxMonthlyDeltaUsd": 100})
    (limit,) = limits(cost.model_copy(update={"totals": totals}), settings)
    assert limit.text == text
