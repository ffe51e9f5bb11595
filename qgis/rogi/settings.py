"""The settings of the plugin, on the page "Processing" of QGIS's options."""

from __future__ import annotations

COMMAND = "ROGI_COMMAND"
TITLE = "rogi"


def add_settings(icon) -> None:
    """Add them to the page."""
    from processing.core.ProcessingConfig import ProcessingConfig, Setting  # a plugin, not always on the path

    ProcessingConfig.settingIcons[TITLE] = icon
    description = "Path of the command rogi (empty: it is looked for)"
    ProcessingConfig.addSetting(Setting(TITLE, COMMAND, description, "", valuetype=Setting.FILE))
    ProcessingConfig.readSettings()


def remove_settings() -> None:
    """Take them away."""
    from processing.core.ProcessingConfig import ProcessingConfig

    ProcessingConfig.removeSetting(COMMAND)


def command_set() -> str:
    """The path of the command that the user set; empty if none is set."""
    try:
        from processing.core.ProcessingConfig import ProcessingConfig
    except ImportError:
        return ""
    return str(ProcessingConfig.getSetting(COMMAND) or "")
