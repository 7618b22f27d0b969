"""The second round of training: texts that we wrote one by one, in the YAML files of this folder."""
