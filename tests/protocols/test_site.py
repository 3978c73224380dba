"""A site's own table: what it excuses, until when, and what it says where it cannot be used."""

from datetime import date
from pathlib import Path

import pytest

from oddport.protocols.site import SiteError, add, exception, parse, read_site, take_out

DAY = 86_400 * 1_000_000_000
LAST = 20_849 * DAY
"""2027-01-31 at midnight, UTC: 57 years of 365 days, 14 leap days, 30 days."""
ENTRY = {"protocol": '"http"', "server": '"10.1.0.0/16"', "port": "8443", "reason": '"the print service moved"'}


def text(**changes: str | None) -> str:
    entry = {key: value for key, value in {**ENTRY, **changes}.items() if value is not None}
    return "[[exception]]\n" + "".join(f"{key} = {value}\n" for key, value in entry.items())


def test_the_protocol_the_server_and_the_port_have_to_be_the_ones() -> None:
    table = parse(text())
    found = table.find("http", "10.1.2.3", 8443, 0)
    assert found is not None
    assert found.reason == "the print service moved"
    assert table.find("ssh", "10.1.2.3", 8443, 0) is None
    assert table.find("http", "10.2.0.1", 8443, 0) is None
    assert table.find("http", "10.1.2.3", 8444, 0) is None
    assert table.find("http", "fe80::1", 8443, 0) is None


def test_one_address_an_alias_and_ipv6_are_understood() -> None:
    table = parse(text(protocol='"FINS"', server='"2001:db8::5"', port="9601"))
    assert table.find("omron", "2001:db8::5", 9601, 0) is not None
    assert table.find("omron", "2001:db8::6", 9601, 0) is None


def test_an_exception_holds_through_its_last_day() -> None:
    table = parse(text(expires="2027-01-31"))
    assert table.find("http", "10.1.2.3", 8443, LAST + DAY - 1) is not None
    assert table.find("http", "10.1.2.3", 8443, LAST + DAY) is None


def test_of_several_the_one_that_still_holds_counts() -> None:
    table = parse(text(expires="2001-01-01") + text(reason='"for good"'))
    found = table.find("http", "10.1.2.3", 8443, LAST)
    assert found is not None
    assert found.reason == "for good"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reason": None}, "Exception 1 has no reason."),
        ({"reason": '" "'}, "Exception 1 gives no reason."),
        ({"port": '"8443"'}, "Exception 1: port has to be a whole number."),
        ({"port": "true"}, "Exception 1: port has to be a whole number."),
        ({"port": "70000"}, "Exception 1: port 70000 is not between 1 and 65535."),
        ({"protocol": '"htp"'}, "Exception 1: no protocol is called “htp”; `oddport protocols` lists them."),
        ({"server": '"10.1.0.9/16"'}, "Exception 1: server is no address or network: 10.1.0.9/16 has host bits set."),
        ({"expires": '"soon"'}, "Exception 1: expires has to be a day, such as 2027-01-31."),
        ({"expires": "2027-01-31T10:00:00Z"}, "Exception 1: expires has to be a day, such as 2027-01-31."),
        (
            {"host": '"a"'},
            "Exception 1 has the unknown key “host”; there are protocol, server, port, reason, expires.",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(changes: dict[str, str | None], says: str) -> None:
    with pytest.raises(SiteError) as told:
        parse(text(**changes))
    assert str(told.value) == says


def test_the_second_exception_is_counted_as_the_second() -> None:
    with pytest.raises(SiteError, match=r"^Exception 2 has no port"):
        parse(text() + text(port=None))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("[[exception]\n", "It is not TOML"),
        ("port = 1\n", "nothing but"),
        ("exception = 1\n", "nothing but"),
        ("exception = [1]\n", "Exception 1 is no table"),
    ],
)
def test_what_is_no_table_of_exceptions_is_told(wrong: str, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        parse(wrong)


def test_a_file_that_is_not_there_or_no_text_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"none\.toml could not be read: No such file"):
        read_site(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SiteError, match="is not UTF-8 text"):
        read_site(tmp_path / "binary.toml")
    (tmp_path / "wrong.toml").write_text("[[exception]]\n")
    with pytest.raises(SiteError, match=r"wrong\.toml cannot be used\. Exception 1 has no protocol\."):
        read_site(tmp_path / "wrong.toml")


def test_an_empty_table_and_no_table_excuse_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse("").find("http", "10.1.2.3", 8443, 0) is None
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert read_site(None) is None


def test_an_exception_is_added_behind_what_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text("# ours\n" + text() + "# the end\n")
    path.chmod(0o600)
    table = add(path, "SSH", "10.1.0.9", 41414, 'the "jump" host \\ ü', date(2027, 1, 31))
    assert path.read_text() == (
        "# ours\n" + text() + "# the end\n\n[[exception]]\n"
        'protocol = "ssh"\nserver = "10.1.0.9/32"\nport = 41414\n'
        'reason = "the \\"jump\\" host \\\\ ü"\nexpires = 2027-01-31\n'
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert table == read_site(path)
    found = table.find("ssh", "10.1.0.9", 41414, LAST)
    assert found is not None
    assert found.reason == 'the "jump" host \\ ü'
    assert table.find("ssh", "10.1.0.9", 41414, LAST + DAY) is None
    assert table.find("http", "10.1.2.3", 8443, 0) is not None


def test_a_table_that_is_not_there_is_made_with_its_folder_and_holds_an_exception_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "site.toml"
    for _ in range(2):
        add(path, "http", "2001:db8::/32", 81, "ours")
    assert path.read_text().count("[[exception]]") == 1
    assert [each.name for each in path.parent.iterdir()] == ["site.toml"]


def test_a_link_to_the_table_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text(text())
    link = tmp_path / "site.toml"
    link.symlink_to("real.toml")
    add(link, "ssh", "10.0.0.1", 222, "ours")
    assert link.is_symlink()
    assert (tmp_path / "real.toml").read_text().count("[[exception]]") == 2


def test_what_cannot_be_used_is_not_added_to_and_nothing_unusable_is_added(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text("[[exception]]\n")
    with pytest.raises(SiteError, match=r"site\.toml cannot be used\. Exception 1 has no protocol\."):
        add(path, "ssh", "10.0.0.1", 222, "ours")
    assert path.read_text() == "[[exception]]\n"
    path.unlink()
    with pytest.raises(SiteError, match=r"The exception gives no reason\."):
        add(path, "ssh", "10.0.0.1", 222, " ")
    with pytest.raises(SiteError, match=r"The exception: port 0 is not between"):
        add(path, "ssh", "10.0.0.1", 0, "ours")
    assert not path.exists()


def test_a_table_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")
    with pytest.raises(SiteError, match=r"folder/site\.toml could not be written: "):
        add(tmp_path / "folder" / "site.toml", "ssh", "10.0.0.1", 222, "ours")


def test_an_exception_is_taken_out_and_what_else_stands_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    own = "# ours\n\n" + text() + "\n# for the printers\n" + text(port="8444")
    path.write_text(own, encoding="utf-8")
    add(path, "ssh", "10.9.0.1", 2022, 'a "quoted" reason', date(2027, 1, 31))
    one = exception("ssh", "10.9.0.1", 2022, 'a "quoted" reason', date(2027, 1, 31))
    take_out(path, one)
    assert path.read_text(encoding="utf-8") == own
    take_out(path, exception("http", "10.1.0.0/16", 8443, "the print service moved"))
    assert path.read_text(encoding="utf-8") == "# ours\n\n# for the printers\n" + text(port="8444")
    with pytest.raises(SiteError, match="does not hold this exception any more"):
        take_out(path, one)


def test_an_exception_that_only_an_array_in_line_holds_is_left_to_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    own = 'exception = [{protocol = "ssh", server = "10.9.0.1", port = 2022, reason = "ours"}]\n'
    path.write_text(own, encoding="utf-8")
    with pytest.raises(SiteError, match="edit the file"):
        take_out(path, exception("ssh", "10.9.0.1", 2022, "ours"))
    assert path.read_text(encoding="utf-8") == own
