"""Evergreen's own plugin comes with its package, as an entry point of the group `airflow.plugins`.

It is `evergreen_airflow.plugin.EvergreenPlugin`. Plugins of yours go into this folder.
"""
