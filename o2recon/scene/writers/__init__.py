"""Writers: a scene into one layout each."""
