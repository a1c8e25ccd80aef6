//! What the phone's person sees, and what comes of the answers.
