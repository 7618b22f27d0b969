"""How the commands understand real users' texts: by rule in this process, and a few with the model."""

import json
import re
from typing import Any

import in_process
import pytest
from texts_people_write import CHAIN, FACTS, LONG, MESSAGES, REVIEW, TEXTS

from llamastack_workshop import start
from llamastack_workshop.patterns import orchestrator_workers as orchestrator
from llamastack_workshop.patterns import parallelization
from llamastack_workshop.patterns.evaluator_optimizer import parse_facts
from llamastack_workshop.patterns.product_texts import UnclearText, names, part_about, prices, processors, values
from llamastack_workshop.patterns.prompt_chaining import missing_values, specifications_schema
from llamastack_workshop.patterns.steps import StepError

PRODUCTS = {name: texts for name, texts in TEXTS.items() if texts is not MESSAGES}
TO_READ = [(name, *one) for name, texts in PRODUCTS.items() for one in texts.items() if one[0] and one[0] != LONG]


def understood(name: str, text: str, wanted: Any) -> Any:
    """Return the values that a command's rules find in `text`, in the form of `wanted`, or the reason to reject it."""
    try:
        if TEXTS[name] is CHAIN:
            missing = missing_values(text)
            return missing or squeezed(choices(specifications_schema(text)), wanted)
        if TEXTS[name] is FACTS:
            return parse_facts(text).parts
        if TEXTS[name] is REVIEW:
            found = orchestrator.candidates(text)
            schemas = [orchestrator.worker_schema(name, part_about(text, name)) for name in found]
            rows = [[value.removesuffix(" euros") for value in choices(schema).values()] for schema in schemas]
            return {name: tuple(squeezed(row)) for name, row in zip(found, rows, strict=True)}
        every = [choices(parallelization.vote_schema(part)) for part in parallelization.parts(text)]
        return [tuple(squeezed([one[key] for key in ("memory", "drive", "euros")])) for one in every[::3]]
    except (UnclearText, StepError) as refused:
        return str(refused)


def choices(schema: Any) -> dict[str, Any]:
    """Return the only possible value of each field, or None if the model has a choice."""
    properties = schema.model_json_schema()["properties"]
    return {name: field.get("const") for name, field in properties.items()}


def squeezed(found: Any, keys: Any = None) -> Any:
    """Return `found` with spaces removed from its texts; of a dictionary, only the keys that are also in `keys`."""
    if isinstance(found, dict):
        return {key: squeezed(value) for key, value in found.items() if isinstance(keys, str | list) or key in keys}
    if isinstance(found, list):
        return [squeezed(value) for value in found]
    return found.replace(" ", "") if isinstance(found, str) else found


@pytest.mark.parametrize(("name", "text", "wanted"), TO_READ, ids=range(len(TO_READ)))
def test_a_text_is_understood_or_refused_with_the_reason(name: str, text: str, wanted: Any) -> None:
    found = understood(name, text, wanted)
    assert wanted in found if isinstance(wanted, str) and isinstance(found, str) else found == wanted


@pytest.mark.parametrize(
    ("text", "memory", "drive"),
    [
        ("It has 8GB of video memory, 64GB system memory, and two 2 TB NVMe drives.", ["64 GB"], ["2 TB"]),
        ("HP Envy, RAM: 16GB DDR4-3200, Storage: 1TB PCIe NVMe, Price: EUR 1.199", ["16 GB"], ["1 TB"]),
        ("Memory 16GB | Storage 512GB | CPU 3.1GHz", ["16 GB"], ["512 GB"]),
        ("Storage 512GB Memory 16GB", ["16 GB"], ["512 GB"]),
        ("1 TB (SSD), 16 GB (RAM), 2,5 GHz", ["16 GB"], ["1 TB"]),
        ("Equipped with 96GB (2x48GB) of DDR5-5600 memory", ["96 GB"], []),
        ("The memory, at 16 GB, is plenty; the 512 GB drive is not.", ["16 GB"], ["512 GB"]),
        ("It stores 512 GB on its SSD and keeps 16 GB in RAM.", ["16 GB"], ["512 GB"]),
        ("Comes with 16GB/512GB", ["16 GB"], ["512 GB"]),
        ("256GB or 1TB SSD", [], ["256 GB", "1 TB"]),
        ("Memory up to 64 GB, storage up to 4 TB", ["64 GB"], ["4 TB"]),
        ("A 64 GB memory card and 100 GB of cloud storage", [], []),
        ("1,024 GB SSD at 14 GB/s, 32 gigs of RAM", ["32 GB"], ["1024 GB"]),
        ("RAM de 16 GB y SSD de 512 GB", ["16 GB"], ["512 GB"]),
    ],
)
def test_a_size_is_what_the_words_beside_it_say(text: str, memory: list[str], drive: list[str]) -> None:
    assert (values(text, "memory"), values(text, "drive")) == (memory, drive)


@pytest.mark.parametrize(
    ("text", "euros"),
    [
        ("costs €1.099,-", [1099]),
        ("Kite: EUR 1099.-", [1099]),
        ("1'299.50 euros", [1299.5]),
        ("1 299 €", [1299]),
        ("The Titan 5 299 euros", [299]),
        ("You pay only 1 899,50 €.", [1899.5]),
        ("The mouse is 25 euros, the laptop itself 825 euros.", [825]),
        ("Was €1,499, now €1,299", [1299]),
        ("€1,299 (was €1,499)", [1299]),
        ("The price has dropped from 1499 euros to 1299 euros", [1299]),
        ("49 euros per month or 1199 euros outright", [1199]),
        ("The Nova is yours for a mere 999 euros.", [999]),
        ("Only €499! Free shipping above 50 euros.", [499]),
        ("You pay 999 euros for the Nova, 59 euros for the dock.", [999]),
        ("The matching docking station is available for 149 euros.", []),
        ("a laptop bag costs 29 euros", []),
        ("A dock, which costs 149 euros, is optional.", []),
        ("An étui costs 29 euros.", []),
        ("The Falcon, which costs 899 euros, is fast.", [899]),
        ("It is slow, and its 379 euros are too much; the 1149 euros for the Heron are not.", [379, 1149]),
        ("512 GB of memory, a monster for 9999 euros", [9999]),
        ("Its price is a hefty 1899 euros.", [1899]),
        ("The Élan 5 299 euros", [299]),
        ("Laptop 899 euros, sleeve 19 euros, mouse 12 euros", [899]),
        ("It weighs 3 pounds and costs 899 dollars", []),
    ],
)
def test_a_price_is_that_of_the_product(text: str, euros: list[float]) -> None:
    assert prices(text) == euros


@pytest.mark.parametrize(
    ("text", "named", "processor"),
    [
        ("The HP Envy 15 has an Intel Core i7-1360P.", ["HP Envy 15"], ["Intel Core i7-1360P"]),
        ("Packing 128 GB, our Acer Swift Go 14 (2024) costs EUR 949.", ["Acer Swift Go 14"], []),
        ("Dell XPS 13: Snapdragon X Elite", ["Dell XPS 13"], ["Snapdragon X Elite"]),
        ("A Snapdragon 8 Gen 2 with 12 GB of RAM", [], ["Snapdragon 8 Gen 2"]),
        (
            "Élan has 8 GB. Unlike the Ñandú 14, the ÅSGARD and the Чайка, it is light.",
            ["Élan", "Ñandú 14", "ÅSGARD", "Чайка"],
            [],
        ),
        ("The Beast costs 899 euros.", ["Beast"], []),
        ("I like the iMac with its 8-core M3 chip.", ["iMac"], ["8-core", "M3"]),
        ("Our SSD and RAM are fast. Memory: 8 GB. It is good.", [], []),
        ("Base clock 2.1 GHz, turbo 4.6 GHz, Wi-Fi at 5 GHz", [], ["2.1 GHz", "4.6 GHz"]),
    ],
)
def test_names_of_products_and_of_processors(text: str, named: list[str], processor: list[str]) -> None:
    assert (names(text), processors(text)) == (named, processor)


COMMANDS = [pytest.param(name, id=name) for name in TEXTS]


def texts_of(name: str, wanted_type: type | tuple[type, ...]) -> list[tuple[str, Any]]:
    """Return the texts of a command whose right result is of a type, without the five that its own tests send."""
    return [(text, wanted) for text, wanted in list(TEXTS[name].items())[5:] if isinstance(wanted, wanted_type)]


def command(name: str, text: str, base_url: str) -> Any:
    app = getattr(start, name.removeprefix("llamastack-").replace("-", "_")).typer_app()
    return in_process.call(app, "--base-url", base_url, "--text", text)


def require_right(name: str, wanted: Any, found: Any) -> None:
    if name == "llamastack-routing":
        route, said = (wanted, "") if isinstance(wanted, str) else wanted
        assert found["route"] == route and said in (found["answer"] or "") and bool(found["reason"]) == (not said)
    elif TEXTS[name] is FACTS:
        assert found["accepted"]
    else:
        said = json.dumps(found).replace(" ", "")
        assert all(value in said for value in re.findall(r"\d+(?:GB|TB)", json.dumps(wanted)))


@pytest.mark.dear
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_gives_what_is_right(name: str, base_url: str) -> None:
    """A gate may reject what the model makes of a text, with other weights or on another processor: it must say so."""
    for text, wanted in texts_of(name, (tuple, list, dict))[:3]:
        run = command(name, text, base_url)
        if run.exit_code == 0:
            require_right(name, wanted, json.loads(run.stdout))
            return
        assert run.exit_code == 1 and re.search(r"^  Fix: .*larger", run.stderr, re.MULTILINE), run.stderr
    pytest.fail("no text of three passed the command's gates")


@pytest.mark.dear
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_refuses_a_text_and_says_why(name: str, base_url: str) -> None:
    text, wanted = texts_of(name, str)[0]
    run = command(name, text, base_url)
    if name == "llamastack-routing":
        assert run.exit_code == 0, run.stderr
        require_right(name, wanted, json.loads(run.stdout))
        return
    assert run.exit_code == 1 and wanted in run.stderr and not run.stdout
    assert re.search(r"^  Fix: .", run.stderr, re.MULTILINE) and "larger" not in run.stderr
