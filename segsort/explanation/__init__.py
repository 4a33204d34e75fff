"""Why a segment has its label: the training segments that it was found with.

`settings` has the flags, `retrieved` a picture's segments and their neighbours,
`sources` and `crops` the training segments as people see them, `outlines` the
borders of both, `page` the HTML, and `stage` puts them together.
"""
