"""Reports on one page: what happened in a session, and how some weeks went.

``values`` says what a report knows, ``building`` and ``trends`` find it,
``session_page`` and ``trend_page`` lay it out once, and ``html_page``, ``pdf_page`` and
``csv_table`` write it (``writing`` chooses). Nothing here asks who may see it: that is
decided by the streams that are handed in.
"""
