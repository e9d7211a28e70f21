# Completion of `jupyter emr` and `jupyter-emr` for zsh; add to ~/.zshrc after compinit:
# eval "$(jupyter emr completion zsh)"

_jupyter_emr() {
    local type key description
    local -a typed answers plain described
    integer position=$((CURRENT - 1))
    typed=("${(@)words[1,CURRENT]}")
    if [[ ${words[1]:t} != jupyter-emr ]]; then
        typed=(jupyter-emr "${(@)words[3,CURRENT]}")
        position=$((CURRENT - 2))
    fi
    answers=("${(@f)$(env COMP_WORDS="${typed[*]}" COMP_CWORD=$position \
        _JUPYTER_EMR_COMPLETE=zsh_complete jupyter-emr 2> /dev/null)}")
    for type key description in ${answers}; do
        case $type in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain) if [[ $description == _ ]]; then plain+=("$key"); else described+=("$key:$description"); fi ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a plain
}

_jupyter_or_emr() {
    if [[ ${words[2]} == emr ]] && (( CURRENT > 2 )); then
        _jupyter_emr
    elif [[ -n $_jupyter_before_emr ]]; then
        $_jupyter_before_emr "$@"
    else
        _files
    fi
}

if [[ ${_comps[jupyter]:-_jupyter_or_emr} != _jupyter_or_emr ]]; then
    typeset -g _jupyter_before_emr=${_comps[jupyter]}
fi
compdef _jupyter_emr jupyter-emr
compdef _jupyter_or_emr jupyter
