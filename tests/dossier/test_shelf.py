import subprocess
import sys


def test_a_dossier_is_light_to_read() -> None:
    heavy = "{'pandas', 'numpy', 'mlflow', 'sklearn', 'pyarrow', 'skops'}"
    code = f"import evergreen.dossier, sys; print(sorted({heavy} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stdout.strip() == "[]", result.stderr
