# Completion of `jupyter emr` and `jupyter-emr` for bash; add to ~/.bashrc: eval "$(jupyter emr completion bash)"

_jupyter_emr() {
    local IFS=$'\n' line type value current prefix
    local -a typed
    # Bash breaks words at ':' and '=', which would tear ARNs apart; so the line itself is split, at blanks.
    IFS=$' \t' read -ra typed <<< "${COMP_LINE:0:$COMP_POINT}"
    [[ ${COMP_LINE:0:$COMP_POINT} == *[[:space:]] ]] && typed+=("")
    if [[ ${typed[0]##*/} != jupyter-emr ]]; then
        typed=(jupyter-emr "${typed[@]:2}")
    fi
    current=${typed[${#typed[@]}-1]}
    # What bash regards as done of the word is left out of the answers.
    prefix=${current%"${current##*[:=]}"}
    COMPREPLY=()
    for line in $(env COMP_WORDS="${typed[*]}" COMP_CWORD=$((${#typed[@]} - 1)) \
        _JUPYTER_EMR_COMPLETE=bash_complete jupyter-emr 2> /dev/null); do
        type=${line%%,*} value=${line#*,}
        case $type in
            dir) compopt -o dirnames 2> /dev/null ;;
            file) compopt -o default 2> /dev/null ;;
            plain) COMPREPLY+=("${value#"$prefix"}") ;;
        esac
    done
}

_jupyter_or_emr() {
    if [[ ${COMP_WORDS[1]} == emr && $COMP_CWORD -ge 2 ]]; then
        _jupyter_emr
    elif [[ -n $_jupyter_before_emr ]]; then
        "$_jupyter_before_emr" "$@"
    else
        COMPREPLY=()
        compopt -o default 2> /dev/null
    fi
}

# Whatever completed `jupyter` before goes on doing so for its other commands.
if [[ $(complete -p jupyter 2> /dev/null) =~ \ -F\ ([^ ]+) && ${BASH_REMATCH[1]} != _jupyter_or_emr ]]; then
    _jupyter_before_emr=${BASH_REMATCH[1]}
fi
complete -o nosort -F _jupyter_emr jupyter-emr
complete -F _jupyter_or_emr jupyter
