"""Earmark: what does an audio-enhancement front-end do for the tasks behind it?"""
