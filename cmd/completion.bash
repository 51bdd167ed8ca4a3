# What the completion below needs of the package bash-completion, where that is not installed.

declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref()
{
    # bash divides words at = and :, here they are whole. cur, prev, words and cword are the caller's.
    local i word line=$COMP_LINE
    words=()
    cword=0
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ $line != [[:space:]]* && ( $word == [=:]* || ${COMP_WORDS[i-1]} == *[=:] ) ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        line=${line#"${line%%[![:space:]]*}"}
        line=${line#"$word"}
        if ((i == COMP_CWORD)); then
            cword=$((${#words[@]} - 1))
        fi
    done
    cur=${words[cword]}
    prev=
    if ((cword > 0)); then
        prev=${words[cword-1]}
    fi
}

declare -F _filedir >/dev/null || _filedir()
{
    # -d is folders only; else the argument is extensions with | behind each. bash quotes the names.
    local name
    compopt -o filenames 2>/dev/null
    while IFS='' read -r name; do
        if [[ -d ${name/#\~/$HOME} || ${1-} != -d && ( -z ${1-} || $name =~ \.(${1%|})$ ) ]]; then
            COMPREPLY+=("$name")
        fi
    done < <(compgen -f -- "$cur")
}

