"""What `/metrics` says, read as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families


def numbers_in(text: str | bytes) -> dict[str, float]:
    """Every number by its name and, in alphabetical order, its labels."""
    text = text if isinstance(text, str) else text.decode()
    return {
        sample.name + _labels(sample.labels): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _labels(labels: dict[str, str]) -> str:
    told = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"{{{told}}}" if told else ""
