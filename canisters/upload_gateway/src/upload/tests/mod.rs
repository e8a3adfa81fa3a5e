//! Uploads from begin to deletion, with calls that fail, wait and are cut off.

mod begin;
mod delete;
mod digest;
mod ending;
mod finish;
mod flows;
mod hash;
mod layout;
mod layout_people;
mod layout_trash;
mod leaving;
mod memories;
mod net;
mod put;
mod queue;
mod ranges;
mod rights;
mod settings;
mod shares;
mod slips;
mod status;
mod stem;
mod strangers;
mod trash;
mod trash_races;
mod world;
